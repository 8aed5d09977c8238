import * as z from 'zod';
import { Edits } from '../../core/contracts/edits.ts';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { AudioQuery, CutSpeakers, PeaksQuery, TranscriptQuery } from '../../core/contracts/http.ts';
import { liveKey, type SessionPlace, transcriptKey } from '../../core/contracts/keys.ts';
import { DOWNLOAD_URL_SECONDS, MAX_INLINE_JSON_BYTES } from '../../core/contracts/limits.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { render } from '../../core/transcripts/formats.ts';
import { currentTranscript, type LiveDeps, readCurrent } from '../../core/transcripts/live.ts';
import { positionsOf, waveform } from '../../core/transcripts/positions.ts';
import { textOfRange } from '../../core/transcripts/ranges.ts';
import { type EditStore, saveEdits } from '../../core/transcripts/save-edits.ts';
import { detectedTurns, turnsOf } from '../../core/transcripts/speakers.ts';
import { bodyRoute, endpoints, json, queryRoute, type Reply } from '../runtime/endpoint.ts';

export interface TranscriptsDeps extends LiveDeps {
  readonly sessions: Pick<SessionStore, 'get' | 'noteEdits'>;
  readonly results: LiveDeps['results'] & EditStore;
  readonly nowMs: () => number;
  /** Presigned download URL, valid for DOWNLOAD_URL_SECONDS. */
  readonly downloadUrl: (key: string) => Promise<string>;
}

const NOTHING = z.object({});
const placeOf = (session: SessionRow): SessionPlace => ({ userId: session.user_id, sessionId: session.session_id });

/** Transcripts, also while recording: whole or a range, as json, txt, srt or vtt; edits, audio, waveform and speaker turns. */
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
        if (format === 'json' && Buffer.byteLength(body) > MAX_INLINE_JSON_BYTES) {
          if (!current.isFinal) await deps.results.writeLive(session, body);
          const key = current.isFinal ? transcriptKey(placeOf(session)) : liveKey(placeOf(session));
          return { statusCode: 307, headers: { location: await deps.downloadUrl(key), ...tagged } };
        }
        return { statusCode: 200, headers: { 'content-type': CONTENT_TYPES[format], ...tagged }, body };
      }),

      'GET /api/sessions/{id}/transcript/edits': queryRoute(NOTHING, async ({ caller, id }) => {
        const { version = 0, edits = [] } = (await deps.results.readEdits(await sessionFor(deps.sessions, caller, id))) ?? {};
        return json(200, { version, edits });
      }),

      'PUT /api/sessions/{id}/transcript/edits': bodyRoute(Edits, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return json(200, { version: await saveEdits(deps, session, input) });
      }),

      'GET /api/sessions/{id}/audio': queryRoute(AudioQuery, async ({ input: { from, limit }, caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        const positions = positionsOf(await deps.chunks.listOf(id)).filter(({ row }) => row.chunk_number >= from);
        const chunks = await Promise.all(
          positions.slice(0, limit).map(async ({ row, start, end }) => ({
            chunkNumber: row.chunk_number,
            start,
            end,
            url: await deps.downloadUrl(row.object_key),
          })),
        );
        return json(200, { chunks, next: positions[limit]?.row.chunk_number, expiresInSeconds: DOWNLOAD_URL_SECONDS });
      }),

      'GET /api/sessions/{id}/peaks': queryRoute(PeaksQuery, async ({ input: { points }, caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        return json(200, waveform(positionsOf(await deps.chunks.listOf(id)), points));
      }),

      'POST /api/sessions/{id}/speakers': bodyRoute(CutSpeakers, async ({ input, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const transcript = await readCurrent(deps, session);
        return json(200, { id, turns: input.segments ? turnsOf(transcript, input.segments) : detectedTurns(transcript) });
      }),
    },
    clientId,
    deps,
  );
