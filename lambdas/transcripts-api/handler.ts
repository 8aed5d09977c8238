import { CutSpeakers, TranscriptQuery } from '../../core/contracts/http.ts';
import { MAX_INLINE_JSON_BYTES } from '../../core/contracts/limits.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { CONTENT_TYPES, render } from '../../core/transcripts/formats.ts';
import { currentTranscript, type LiveDeps, readCurrent } from '../../core/transcripts/live.ts';
import { textOfRange } from '../../core/transcripts/ranges.ts';
import { turnsOf } from '../../core/transcripts/speakers.ts';
import { bodyRoute, endpoints, json, queryRoute, type Reply } from '../runtime/endpoint.ts';

export interface TranscriptsDeps extends LiveDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly downloadUrl: (session: SessionRow) => Promise<string>;
}

/** The text of a session as far as it goes, whole or of a range, as json, txt, srt or vtt; and of its speakers. */
export const buildHandler = (deps: TranscriptsDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/sessions/{id}/transcript': queryRoute(TranscriptQuery, async ({ input, caller, id, headers }): Promise<Reply> => {
        const session = await sessionFor(deps.sessions, caller, id);
        const { format, start, end } = input;
        const current = await currentTranscript(deps, session);
        const etag = `"${[current.tag, format, start, end].filter((part) => part !== undefined).join('-')}"`;
        const tagged = { etag, 'cache-control': 'private, no-cache' };
        if (headers['if-none-match'] === etag) return { statusCode: 304, headers: tagged };
        const text = await current.read();
        if (start !== undefined && end !== undefined) {
          const { headers: plain, ...reply } = json(200, textOfRange(Transcript.parse(JSON.parse(text)), start, end));
          return { ...reply, headers: { ...plain, ...tagged } };
        }
        const body = format === 'json' ? text : render(Transcript.parse(JSON.parse(text)), format);
        if (format === 'json' && current.isFinal && Buffer.byteLength(body) > MAX_INLINE_JSON_BYTES)
          return { statusCode: 307, headers: { location: await deps.downloadUrl(session) } };
        return { statusCode: 200, headers: { 'content-type': CONTENT_TYPES[format], ...tagged }, body };
      }),

      'POST /api/sessions/{id}/speakers': bodyRoute(CutSpeakers, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return json(200, { id, turns: turnsOf(await readCurrent(deps, session), input.segments) });
      }),
    },
    clientId,
  );
