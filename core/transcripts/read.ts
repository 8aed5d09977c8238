/** Reads the transcript of a session for a client: whole or a range, in the requested format. */
import type * as z from 'zod';
import type { TranscriptQuery } from '../contracts/http.ts';
import { liveKey, transcriptKey } from '../contracts/keys.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { Transcript } from '../contracts/transcript.ts';
import type { SignDownload } from '../signing.ts';
import { fitsResponse, render } from './formats.ts';
import { currentTranscript, type LiveDeps } from './live.ts';
import { type RangeText, textOfRange } from './ranges.ts';

/** Where the transcript of a session is read. */
export interface ReadDeps extends LiveDeps {
  readonly downloadUrl: SignDownload;
}

/** What a client gets. `etag` changes whenever the text, or the request for it, may have changed. */
export type Reading = { readonly etag: string } & (
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'range'; readonly range: RangeText }
  | { readonly kind: 'text'; readonly text: string }
  /** JSON that is too large for a response; `url` presigns its download. */
  | { readonly kind: 'stored'; readonly url: string }
);

/**
 * Reads the current transcript. `knownEtag`: what the client already has.
 * @throws DomainError `not-ready` if no chunk of the session has arrived
 */
export async function readTranscript(
  deps: ReadDeps,
  session: SessionRow,
  { format, marks, start, end, after }: z.infer<typeof TranscriptQuery>,
  knownEtag: string | undefined,
): Promise<Reading> {
  const current = await currentTranscript(deps, session);
  const etag = `"${[current.tag, format, marks ? undefined : 'plain', start, end].filter((part) => part !== undefined).join('-')}"`;
  if (knownEtag === etag) return { etag, kind: 'unchanged' };
  // Only whole texts are stored for a redirect: the URL is the same for all clients.
  if (format === 'json' && start === undefined && after !== undefined && !current.isFinal) {
    const text = await current.read(after);
    if (fitsResponse(text)) return { etag, kind: 'text', text };
  }
  const json = await current.read();
  const parsed = (): Transcript => Transcript.parse(JSON.parse(json));
  if (start !== undefined && end !== undefined) return { etag, kind: 'range', range: textOfRange(parsed(), start, end) };
  if (format !== 'json') return { etag, kind: 'text', text: render(parsed(), format, marks) };
  if (fitsResponse(json)) return { etag, kind: 'text', text: json };
  if (!current.isFinal) await deps.results.writeLive(session, json);
  const place = { userId: session.user_id, sessionId: session.session_id };
  return { etag, kind: 'stored', url: await deps.downloadUrl(current.isFinal ? transcriptKey(place) : liveKey(place)) };
}
