/** Transcripts as files of all formats. */
import { CONTENT_TYPES, type Format } from '../contracts/formats.ts';
import { MAX_INLINE_JSON_BYTES } from '../contracts/limits.ts';
import type { Transcript } from '../contracts/transcript.ts';
import type { SignDownload, StoreExport } from '../signing.ts';
import { type About, documentOf } from './document.ts';
import { marksOn, render } from './formats.ts';
import { toMarkdown } from './markdown.ts';
import type { Marked } from './marks.ts';

/** What a client requests. @see RenderOptions */
export interface ExportRequest {
  readonly format: Format;
  readonly marks: boolean;
  readonly words?: boolean | undefined;
}

/** A part of a name; the same for equal requests only. */
export const nameOf = ({ format, marks, words }: ExportRequest): string =>
  [format, ...(marks ? [] : ['plain']), ...(words === undefined ? [] : [words ? 'words' : 'no-words'])].join('-');

/** The transcript in any format. */
export async function exported(
  transcript: Omit<Transcript, 'sessionId' | 'final'> & Marked,
  about: About,
  { format, marks, words }: ExportRequest,
): Promise<string | Uint8Array> {
  if (format !== 'md' && format !== 'docx') return render(transcript, format, { marks, words });
  const document = documentOf(transcript, about, marksOn(transcript, marks));
  if (format === 'md') return toMarkdown(document);
  const { toWord } = await import('./word.ts');
  return toWord(document);
}

/** Whether this content is small enough for a response, also in base64. */
export const fitsResponse = (content: string | Uint8Array): boolean => Buffer.byteLength(content) <= MAX_INLINE_JSON_BYTES;

/** Content for a response; `stored`: it is too large for one, and `url` presigns its download. */
export type Sent =
  | { readonly kind: 'content'; readonly content: string | Uint8Array }
  | { readonly kind: 'stored'; readonly url: string };

export interface ExportDeps {
  readonly downloadUrl: SignDownload;
  readonly storeExport: StoreExport;
}

/** Returns the content; if it is too large for a response, stores it under the key. */
export async function sent(deps: ExportDeps, content: string | Uint8Array, format: Format, key: string): Promise<Sent> {
  if (fitsResponse(content)) return { kind: 'content', content };
  await deps.storeExport(key, content, CONTENT_TYPES[format]);
  return { kind: 'stored', url: await deps.downloadUrl(key) };
}
