/** The option --language. */
import { InvalidArgumentError } from 'commander';
import { LANGUAGES, requestedLanguage } from '../core/contracts/languages.ts';

function language(text: string): string {
  if (requestedLanguage(text).kind !== 'unknown') return text;
  throw new InvalidArgumentError('It takes a code such as de, or an English name such as German; --help lists them.');
}

/** Arguments of `option()`. @param without description of the default */
export const languageOption = (without: string): [string, string, (text: string) => string] => [
  '-l, --language <language>',
  `code or English name, such as de or German (default: ${without})`,
  language,
];

export const languageHelp = `\nLanguages: ${Object.entries(LANGUAGES)
  .map(([code, name]) => `${code} ${name}`)
  .join(', ')}. Models whose names end with .en transcribe English only.`;
