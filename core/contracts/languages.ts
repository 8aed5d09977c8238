/**
 * Languages of the Whisper models, and the names that clients may use for them. gpu_worker/speech/languages.py has the same ones;
 * the tests of both read test/fixtures/contracts/languages.json.
 * @see https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
 */

/** Language code of the models -> English name. Only large-v3 and its descendants support `yue`. */
export const LANGUAGES: Readonly<Record<string, string>> = {
  af: 'Afrikaans',
  am: 'Amharic',
  ar: 'Arabic',
  as: 'Assamese',
  az: 'Azerbaijani',
  ba: 'Bashkir',
  be: 'Belarusian',
  bg: 'Bulgarian',
  bn: 'Bengali',
  bo: 'Tibetan',
  br: 'Breton',
  bs: 'Bosnian',
  ca: 'Catalan',
  cs: 'Czech',
  cy: 'Welsh',
  da: 'Danish',
  de: 'German',
  el: 'Greek',
  en: 'English',
  es: 'Spanish',
  et: 'Estonian',
  eu: 'Basque',
  fa: 'Persian',
  fi: 'Finnish',
  fo: 'Faroese',
  fr: 'French',
  gl: 'Galician',
  gu: 'Gujarati',
  ha: 'Hausa',
  haw: 'Hawaiian',
  he: 'Hebrew',
  hi: 'Hindi',
  hr: 'Croatian',
  ht: 'Haitian Creole',
  hu: 'Hungarian',
  hy: 'Armenian',
  id: 'Indonesian',
  is: 'Icelandic',
  it: 'Italian',
  ja: 'Japanese',
  jw: 'Javanese',
  ka: 'Georgian',
  kk: 'Kazakh',
  km: 'Khmer',
  kn: 'Kannada',
  ko: 'Korean',
  la: 'Latin',
  lb: 'Luxembourgish',
  ln: 'Lingala',
  lo: 'Lao',
  lt: 'Lithuanian',
  lv: 'Latvian',
  mg: 'Malagasy',
  mi: 'Maori',
  mk: 'Macedonian',
  ml: 'Malayalam',
  mn: 'Mongolian',
  mr: 'Marathi',
  ms: 'Malay',
  mt: 'Maltese',
  my: 'Myanmar',
  ne: 'Nepali',
  nl: 'Dutch',
  nn: 'Nynorsk',
  no: 'Norwegian',
  oc: 'Occitan',
  pa: 'Punjabi',
  pl: 'Polish',
  ps: 'Pashto',
  pt: 'Portuguese',
  ro: 'Romanian',
  ru: 'Russian',
  sa: 'Sanskrit',
  sd: 'Sindhi',
  si: 'Sinhala',
  sk: 'Slovak',
  sl: 'Slovenian',
  sn: 'Shona',
  so: 'Somali',
  sq: 'Albanian',
  sr: 'Serbian',
  su: 'Sundanese',
  sv: 'Swedish',
  sw: 'Swahili',
  ta: 'Tamil',
  te: 'Telugu',
  tg: 'Tajik',
  th: 'Thai',
  tk: 'Turkmen',
  tl: 'Tagalog',
  tr: 'Turkish',
  tt: 'Tatar',
  uk: 'Ukrainian',
  ur: 'Urdu',
  uz: 'Uzbek',
  vi: 'Vietnamese',
  yi: 'Yiddish',
  yo: 'Yoruba',
  zh: 'Chinese',
  yue: 'Cantonese',
};

/** Language of a transcript without speech. */
const NO_SPEECH = 'und';

/** Aliases of the models' codes: older ISO 639 codes, codes that platforms use, other names. */
const ALIASES: Readonly<Record<string, string>> = {
  iw: 'he',
  in: 'id',
  ji: 'yi',
  jv: 'jw',
  fil: 'tl',
  nb: 'no',
  cmn: 'zh',
  mo: 'ro',
  filipino: 'tl',
  burmese: 'my',
  valencian: 'ca',
  flemish: 'nl',
  haitian: 'ht',
  letzeburgesch: 'lb',
  pushto: 'ps',
  panjabi: 'pa',
  moldavian: 'ro',
  moldovan: 'ro',
  sinhalese: 'si',
  castilian: 'es',
  mandarin: 'zh',
  bokmål: 'no',
};
const NOT_GIVEN: readonly string[] = ['', 'auto'];
const CODE_OF_NAME = new Map(Object.entries(LANGUAGES).map(([code, name]) => [name.toLowerCase(), code]));

const aliasOf = (name: string): string | undefined => (Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined);

/** `none`: the model detects it. */
export type RequestedLanguage =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly code: string }
  | { readonly kind: 'unknown' };

/** Resolves a language in a request: a code with or without region or script, or an English name. */
export function requestedLanguage(text: string): RequestedLanguage {
  const name = text.trim().toLowerCase().replaceAll('_', '-');
  if (NOT_GIVEN.includes(name)) return { kind: 'none' };
  const [code = ''] = name.split('-');
  for (const candidate of [name, code]) {
    const known = Object.hasOwn(LANGUAGES, candidate) ? candidate : (CODE_OF_NAME.get(candidate) ?? aliasOf(candidate));
    if (known !== undefined) return { kind: 'known', code: known };
  }
  return { kind: 'unknown' };
}

export const unknownLanguage = (text: string): string =>
  `${JSON.stringify(text.slice(0, 40))} is not a language of the speech models: send a code such as en or de, or leave it out to have it detected`;

/** Models distilled for English have no `.en` in their names. */
const ENGLISH_ONLY = /\.en$|(^|[/_-])distil-(whisper-)?large/;
const WITHOUT_CANTONESE = /^(tiny|base|small|medium|large-v[12])$/;

/** Whether a model supports English only, judged by its name. */
export const isEnglishOnly = (model: string): boolean => ENGLISH_ONLY.test(model);

/** Codes that a model supports, judged by its name. A custom model folder may support fewer; the worker checks it. */
export const languagesOf = (model: string): readonly string[] =>
  isEnglishOnly(model) ? ['en'] : Object.keys(LANGUAGES).filter((code) => code !== 'yue' || !WITHOUT_CANTONESE.test(model));

/** Languages of a transcript in the order in which they are spoken; `und` if there is no speech. */
export function spokenLanguages(transcript: {
  readonly language: string;
  readonly segments: readonly { readonly language?: string | undefined }[];
}): string[] {
  const spoken = new Set(transcript.segments.map(({ language }) => language ?? transcript.language));
  return spoken.size === 0 ? [NO_SPEECH] : [...spoken];
}

/** Display name of a transcript's language. */
export const languageName = (code: string): string => (code === NO_SPEECH ? 'no speech' : (LANGUAGES[code] ?? code));
