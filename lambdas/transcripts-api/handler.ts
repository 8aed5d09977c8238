import { TranscriptQuery } from '../../core/contracts/http.ts';
import { transcriptKey } from '../../core/contracts/keys.ts';
import { MAX_INLINE_JSON_BYTES } from '../../core/contracts/limits.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import { DomainError } from '../../core/errors.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { CONTENT_TYPES, render } from '../../core/transcripts/formats.ts';
import { textOfRange } from '../../core/transcripts/ranges.ts';
import { endpoints, json, queryRoute } from '../runtime/endpoint.ts';

export interface TranscriptsDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly readTranscript: (key: string) => Promise<string>;
  readonly downloadUrl: (key: string) => Promise<string>;
}

/** The text of a session, whole or of a range, as json, txt, srt or vtt. */
export const buildHandler = (deps: TranscriptsDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/sessions/{id}/transcript': queryRoute(TranscriptQuery, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        if (session.transcript_status === undefined) {
          const why =
            session.state === 'completed' ? 'chunks are still being transcribed' : 'the recording has not been completed';
          throw new DomainError('not-ready', `there is no transcript yet: ${why}`);
        }
        const key = transcriptKey({ userId: session.user_id, sessionId: id });
        const text = await deps.readTranscript(key);
        const { format, start, end } = input;
        if (start !== undefined && end !== undefined)
          return json(200, textOfRange(Transcript.parse(JSON.parse(text)), start, end));
        const body = format === 'json' ? text : render(Transcript.parse(JSON.parse(text)), format);
        if (format === 'json' && Buffer.byteLength(body) > MAX_INLINE_JSON_BYTES) {
          return { statusCode: 307, headers: { location: await deps.downloadUrl(key) } };
        }
        return { statusCode: 200, headers: { 'content-type': CONTENT_TYPES[format], 'cache-control': 'no-store' }, body };
      }),
    },
    clientId,
  );
