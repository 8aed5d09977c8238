/** Options and output of texts. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { canTimeWords, type Format, isBinary, WORDS_REFUSAL } from '../core/contracts/formats.ts';
import { CliError, USAGE_ERROR } from './connection.ts';
import { formatOption, textUpTo } from './options.ts';

const MAX_PATH = 4096;

/** Which text a command requests. */
export interface TextOptions {
  readonly format: Format;
  readonly marks: boolean;
  readonly words?: boolean;
}

export const withTextOptions = (command: Command): Command =>
  command
    .addOption(formatOption())
    .option('--no-marks', 'leave out marks such as [missing 1:00-1:30]')
    .option('--words', 'include the times of words (json and vtt; the default in json)')
    .option('--no-words', 'leave out the times of words');

/** The query of a text. @throws CliError if the format has no times of words */
export function textQuery({ format, marks, words }: TextOptions) {
  if (words === true && !canTimeWords(format)) throw new CliError(WORDS_REFUSAL, USAGE_ERROR);
  const flag = (value: boolean): 'true' | 'false' => (value ? 'true' : 'false');
  return { format, marks: flag(marks), ...(words !== undefined && { words: flag(words) }) } as const;
}

/** @throws CliError if this format cannot be printed, because a terminal would interpret its bytes */
export function checkPrinted(format: Format, remedy: string): void {
  if (isBinary(format) && process.stdout.isTTY) throw new CliError(`${format} is not text; ${remedy}`, USAGE_ERROR);
}

/** Adds a command that prints the text of an item, or writes it into a file. */
export function transcriptCommand(
  command: Command,
  isJson: () => boolean,
  load: (id: string, query: ReturnType<typeof textQuery>) => Promise<Uint8Array>,
): void {
  withTextOptions(command)
    .option('-o, --output <file>', 'write the text into a new file', textUpTo(MAX_PATH))
    .action(async (id: string, { output, ...options }: TextOptions & { readonly output?: string }) => {
      const format = isJson() ? 'json' : options.format;
      const query = textQuery({ ...options, format });
      if (output === undefined) checkPrinted(format, '--output writes it into a file');
      else if (existsSync(output)) throw new CliError(`${output} already exists`);
      const bytes = await load(id, query);
      if (output !== undefined) writeFileSync(output, bytes, { flag: 'wx' });
      else process.stdout.write(isBinary(format) ? bytes : `${Buffer.from(bytes).toString().trimEnd()}\n`);
    });
}
