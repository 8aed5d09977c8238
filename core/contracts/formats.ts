/** Formats in which transcripts are returned. */
export const FORMATS = ['json', 'txt', 'srt', 'vtt', 'md', 'docx'] as const;
export type Format = (typeof FORMATS)[number];

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
};

/** Media types of all formats but JSON. */
export const FILE_TYPES: readonly string[] = Object.values(CONTENT_TYPES)
  .map((type) => type.replace(/;.*/, ''))
  .filter((type) => type !== 'application/json');

export const isBinary = (format: Format): boolean => format === 'docx';
export const BINARY_TYPES = [CONTENT_TYPES.docx];

/** Why `words` cannot be true in the other formats. */
export const WORDS_REFUSAL = 'times of words are available in json and vtt only';
/** Whether a format can contain the times of words. */
export const canTimeWords = (format: Format): boolean => format === 'json' || format === 'vtt';
