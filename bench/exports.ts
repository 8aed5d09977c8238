/** Exports of transcripts, read back with software that other people wrote: parsers of subtitles and documents, and LibreOffice. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { Transcript } from '../core/contracts/transcript.ts';
import { documentOf } from '../core/transcripts/document.ts';
import { exported } from '../core/transcripts/exports.ts';
import { marksOn, subtitles } from '../core/transcripts/formats.ts';
import { PROJECT } from '../host/paths.ts';
import { pythonProof } from './python.ts';

const FORMATS = ['srt', 'vtt', 'words.vtt', 'md', 'docx'] as const;
const READERS: Readonly<Record<string, readonly string[]>> = {
  srt: ['srt', 'pysrt', 'webvtt-py', 'pycaption', 'ffmpeg', 'media-captions'],
  vtt: ['webvtt-py', 'pycaption', 'ffmpeg', 'media-captions'],
  'words.vtt': ['webvtt-py', 'pycaption', 'ffmpeg', 'media-captions'],
  md: ['markdown-it-py'],
  docx: ['python-docx', 'LibreOffice'],
};
const EXAMPLES = ['transcript', 'subtitles'];
const ABOUT = { title: 'R&D <plan>: *draft* #1', recordedAtMs: Date.UTC(2026, 2, 1, 9, 30), addedAtMs: 0 };
const LIBREOFFICE = 'libreoffice-writer-nogui';
/** LibreOffice ignores the files after the 247th of a call. */
const MOST_FILES = 100;

/** A cue (start and end in milliseconds, text, times of its words), or a paragraph (style, text). */
type Item = readonly (string | number)[];
/** Reader -> file -> content. */
const Found = z.record(z.string(), z.record(z.string(), z.array(z.array(z.union([z.string(), z.number()])))));
type Found = z.infer<typeof Found>;

const milliseconds = (seconds: number): number => Math.round(1000 * seconds);

/** Parsers that expect fewer than 100 hours. */
const FEW_HOURS = ['media-captions'];
const MOST_SECONDS = 360_000;

function expectedCues(transcript: Transcript, format: string, reader: string): Item[] {
  // pycaption reads the voice of a WebVTT cue as a part of its text.
  const namesVoice = format !== 'srt' && reader === 'pycaption';
  const hasTimes = format === 'words.vtt' && reader === 'media-captions';
  return subtitles(transcript, true, format === 'srt').map((cue) => {
    const { lines, speaker } = cue;
    const voice = namesVoice && speaker !== undefined ? `${speaker}: ` : '';
    const [start, end] = [milliseconds(cue.start), milliseconds(cue.end)];
    const starts = new Set(cue.words.flat().map((word) => milliseconds(word.start)));
    const times = hasTimes ? [...starts].filter((ms) => ms > start && ms < end) : [];
    return [start, end, `${voice}${lines.join('\n')}`, ...times];
  });
}

/** The paragraphs below the title. `mark` and `speaker` write emphasis. */
function expectedTexts(transcript: Transcript, mark: (text: string) => string, speaker: (name: string) => string): string[] {
  const { facts, paragraphs } = documentOf(transcript, ABOUT, marksOn(transcript, true));
  const texts = paragraphs.map((one) => {
    if (one.kind === 'mark') return mark(one.text);
    return `${one.time} ${one.speaker === undefined ? '' : speaker(one.speaker)}${one.text}`;
  });
  return [facts, ...texts];
}

/** What a reader finds in a file. */
function expected(transcript: Transcript, format: string, reader: string): Item[] {
  const italic = (text: string): string => `<i>${text}</i>`;
  const { title } = ABOUT;
  const { language } = transcript;
  if (reader === 'LibreOffice') return [title, ...expectedTexts(transcript, String, (name) => `${name}: `)].map((text) => [text]);
  if (format === 'md') {
    const texts = expectedTexts(transcript, italic, (name) => `<b>${name}:</b> `);
    return [['h1', title], ...texts.map((text) => ['p', text])];
  }
  if (format !== 'docx') return expectedCues(transcript, format, reader);
  const texts = expectedTexts(transcript, italic, (name) => `<b>${name}: </b>`);
  return [[title, language === 'und' ? '' : language], ['Heading 1', title], ...texts.map((text) => ['Normal', text])];
}

/** npm: media-captions. */
function readCaptions(folder: string): Found {
  const program = join(import.meta.dirname, 'read-captions.mjs');
  return Found.parse(JSON.parse(execFileSync(process.execPath, [program, folder], { encoding: 'utf8', maxBuffer: 2 ** 28 })));
}

const hasProgram = (name: string): boolean => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;

/** Debian's LibreOffice; root gets it installed. @throws Error with the install command */
function findLibreOffice(): string {
  if (!hasProgram('soffice') && process.getuid?.() === 0 && hasProgram('apt-get')) {
    const quietly = { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
    execFileSync('apt-get', ['update', '-qq'], quietly);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', LIBREOFFICE], quietly);
  }
  if (!hasProgram('soffice')) throw new Error(`LibreOffice is missing. Install it: sudo apt-get install ${LIBREOFFICE}`);
  return 'soffice';
}

/** The lines that LibreOffice writes for each document: one per paragraph. */
function readLibreOffice(folder: string, names: readonly string[]): Found[string] {
  const profile = mkdtempSync(join(tmpdir(), 'libreoffice-'));
  const args = [`-env:UserInstallation=file://${profile}`, '--headless', '--convert-to', 'txt:Text (encoded):UTF8'];
  for (let from = 0; from < names.length; from += MOST_FILES) {
    const files = names.slice(from, from + MOST_FILES).map((name) => join(folder, name));
    execFileSync(findLibreOffice(), [...args, '--outdir', folder, ...files], { stdio: 'pipe' });
  }
  rmSync(profile, { recursive: true });
  return Object.fromEntries(
    names.map((name) => {
      const text = readFileSync(join(folder, name.replace(/docx$/, 'txt')), 'utf8').replace(/^\ufeff/, '');
      return [
        name,
        text
          .trimEnd()
          .split('\n')
          .map((line) => [line.trimEnd()]),
      ];
    }),
  );
}

interface Row {
  readonly format: string;
  readonly reader: string;
  readonly files: number;
  readonly items: number;
  /** What is different, one text per file. */
  readonly different: readonly string[];
}

function compared(format: string, reader: string, transcripts: readonly Transcript[], found: Found): Row {
  const different: string[] = [];
  let [files, items] = [0, 0];
  for (const [number, transcript] of transcripts.entries()) {
    const read = found[reader]?.[`${number}.${format}`];
    const wanted = expected(transcript, format, reader);
    if (FEW_HOURS.includes(reader) && transcript.duration_seconds >= MOST_SECONDS) continue;
    files += 1;
    items += wanted.length;
    const at = wanted.findIndex((item, i) => JSON.stringify(item) !== JSON.stringify(read?.[i]));
    if (at >= 0 || read?.length !== wanted.length)
      different.push(`${number}, ${at}: ${JSON.stringify(wanted[at])} is ${JSON.stringify(read?.[at])}`);
  }
  return { format, reader, files, items, different };
}

/** Writes transcripts in all formats and compares what these readers find with what was written. */
export async function readBack(transcripts: readonly Transcript[], readers: readonly string[]): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'chunkscribe-exports-'));
  try {
    for (const [number, transcript] of transcripts.entries())
      for (const name of FORMATS) {
        const words = name === 'words.vtt' || undefined;
        const format = name === 'words.vtt' ? 'vtt' : name;
        writeFileSync(join(folder, `${number}.${name}`), await exported(transcript, ABOUT, { format, marks: true, words }));
      }
    const ofNode = ['media-captions', 'LibreOffice'];
    const found = pythonProof('read_exports', Found, folder, ...readers.filter((reader) => !ofNode.includes(reader))) ?? {};
    if (readers.includes('media-captions')) Object.assign(found, readCaptions(folder));
    if (readers.includes('LibreOffice'))
      found['LibreOffice'] = readLibreOffice(
        folder,
        transcripts.map((_, number) => `${number}.docx`),
      );
    return FORMATS.flatMap((format) =>
      (READERS[format] ?? [])
        .filter((reader) => readers.includes(reader))
        .map((reader) => compared(format, reader, transcripts, found)),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const WORDS = [
  ...[
    'yes',
    'no,',
    'and',
    'the',
    'question.',
    "don't",
    '1.',
    '2)',
    '-',
    '+',
    '#',
    '>',
    '3',
    'R&D',
    'a_b_c',
    '*star*',
    '**',
    '`code`',
  ],
  ...[
    '[link](http://x)',
    '![i](y)',
    '<b>bold</b>',
    '<script>',
    '&amp;',
    '&nbsp;',
    '-->',
    '~~no~~',
    '| a |',
    '---',
    '===',
    '\\',
    '$x$',
  ],
  ...[
    'Straße',
    'naïve',
    'Ευχαριστώ',
    'спасибо.',
    'مرحبا',
    'שלום',
    '東京',
    '今天我们',
    '한국어',
    'ไทย',
    '😀',
    '👩‍👩‍👧',
    'e\u0301',
    'x\u0000y',
    '\u001b[1m',
    '\ufffe',
  ],
];

/** A transcript of random words in one or several languages, with or without speakers and gaps. */
export function randomTranscript(random: () => number): Transcript {
  const pick = (count: number): number => Math.floor(random() * count);
  const language = ['en', 'de', 'ja', 'ar', 'und'][pick(5)] ?? 'en';
  const speakers = pick(3);
  let at = 0;
  const segments = Array.from({ length: 1 + pick(30) }, (_, id) => {
    at += [0, 0, 0.3, 1, 6][pick(5)] ?? 0;
    const start = at;
    const words = Array.from({ length: 1 + pick(25) }, () => {
      const from = at;
      at += 0.05 + random() / 2;
      return { word: ` ${WORDS[pick(WORDS.length)]}`, start: round(from), end: round(at), probability: 1 };
    });
    const figures = { avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1 };
    const speaker = speakers === 0 ? {} : { speaker: `S${1 + pick(speakers)}` };
    const text = words
      .map(({ word }) => word)
      .join('')
      .trim();
    return { id, start: round(start), end: round(at), text, words, ...figures, ...speaker };
  });
  const gaps = random() < 0.5 ? [] : [{ chunkNumber: 2, start: round(at * random() * 0.5), end: round(at), reason: 'x' }];
  const text = segments.map((segment) => segment.text).join(' ');
  const rest = { coverage: [], chunks: [], final: true, model: 'm', status: 'completed' as const, sessionId: 's' };
  return { ...rest, language, duration_seconds: round(at), text, segments, gaps };
}
const round = (seconds: number): number => milliseconds(seconds) / 1000;

/** The shared examples. */
export const examples = (): Transcript[] =>
  EXAMPLES.map((name) => Transcript.parse(JSON.parse(readFileSync(join(PROJECT, `test/fixtures/formats/${name}.json`), 'utf8'))));

/** Writes and reads the shared examples and `count` random transcripts with all readers. */
export const exportsReadBack = (count: number, random: () => number): Promise<Row[]> =>
  readBack(
    [...examples(), ...Array.from({ length: count }, () => randomTranscript(random))],
    [...new Set(Object.values(READERS).flat())],
  );
