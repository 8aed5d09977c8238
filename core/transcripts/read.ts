/** Reads the transcript of a session for a client: whole or a range, in the requested format. */
import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { TranscriptQuery } from '../contracts/http.ts';
import { exportKey, liveKey, transcriptKey } from '../contracts/keys.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { Transcript } from '../contracts/transcript.ts';
import type { About } from './document.ts';
import { type ExportDeps, type ExportRequest, exported, fitsResponse, nameOf, type Sent, sent } from './exports.ts';
import { currentTranscript, type LiveDeps } from './live.ts';
import { interruptionsOf, type NoteDeps } from './notes.ts';
import { type RangeText, textOfRange } from './ranges.ts';

/** Where the transcript of a session is read. */
export interface ReadDeps extends LiveDeps, ExportDeps, NoteDeps {
  readonly chunks: LiveDeps['chunks'] & NoteDeps['chunks'];
}

/** What a client gets. `etag` changes whenever the text, or the request for it, may have changed. */
export type Reading = { readonly etag: string } & (
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'range'; readonly range: RangeText }
  | Sent
);

const aboutSession = ({ title = 'Recording', recorded_at_ms, created_at_ms }: SessionRow): About => ({
  title,
  recordedAtMs: recorded_at_ms,
  addedAtMs: created_at_ms,
});

/** What an export contains besides the transcript: the title and, with marks, the interruptions. `tag` changes with both. */
async function besides({ notes }: ReadDeps, session: SessionRow, { format, marks }: ExportRequest) {
  if (format === 'json') return {};
  const stored = marks ? await notes.readNotes(session) : undefined;
  const content = `${session.title ?? ''} ${stored?.tag ?? ''}`;
  return { notes: stored, tag: createHash('sha256').update(content).digest('hex').slice(0, 8) };
}

/**
 * Reads the current transcript. `knownEtag`: what the client already has.
 * @throws DomainError `not-ready` if no chunk of the session has arrived
 */
export async function readTranscript(
  deps: ReadDeps,
  session: SessionRow,
  { start, end, after, ...request }: z.infer<typeof TranscriptQuery>,
  knownEtag: string | undefined,
): Promise<Reading> {
  const current = await currentTranscript(deps, session);
  const { format, words } = request;
  const { notes, tag } = await besides(deps, session, request);
  const etag = `"${[current.tag, nameOf(request), tag, start, end].filter((part) => part !== undefined).join('-')}"`;
  if (knownEtag === etag) return { etag, kind: 'unchanged' };
  // Only whole texts are stored for a redirect: the URL is the same for all clients.
  if (format === 'json' && words !== false && start === undefined && after !== undefined && !current.isFinal) {
    const text = await current.read(after);
    if (fitsResponse(text)) return { etag, kind: 'content', content: text };
  }
  const json = await current.read();
  const parsed = (): Transcript => Transcript.parse(JSON.parse(json));
  if (start !== undefined && end !== undefined) return { etag, kind: 'range', range: textOfRange(parsed(), start, end) };
  const place = { userId: session.user_id, sessionId: session.session_id };
  if (format !== 'json' || words === false) {
    const marked = { ...parsed(), ...(notes && { interruptions: await interruptionsOf(deps, session, notes) }) };
    const content = await exported(marked, aboutSession(session), request);
    return { etag, ...(await sent(deps, content, format, exportKey(place, `${nameOf(request)}.${format}`))) };
  }
  if (fitsResponse(json)) return { etag, kind: 'content', content: json };
  if (!current.isFinal) await deps.results.writeLive(session, json);
  return { etag, kind: 'stored', url: await deps.downloadUrl(current.isFinal ? transcriptKey(place) : liveKey(place)) };
}
