/** Formats in which transcripts are returned. */
export type Format = 'json' | 'txt' | 'srt' | 'vtt';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
};

/** Media types of all formats but JSON. */
export const TEXT_TYPES: readonly string[] = Object.values(CONTENT_TYPES)
  .map((type) => type.replace(/;.*/, ''))
  .filter((type) => type !== 'application/json');
