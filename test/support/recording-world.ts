/** The API functions for recordings on memory stores. */
import { correctors } from '../../core/corrections/settings.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import type { UploadToSign } from '../../core/signing.ts';
import { buildHandler as buildCorrections } from '../../lambdas/corrections-api/handler.ts';
import { buildHandler as buildSessions } from '../../lambdas/sessions-api/handler.ts';
import { buildHandler as buildTranscripts } from '../../lambdas/transcripts-api/handler.ts';
import { buildHandler as buildUploads } from '../../lambdas/uploads-api/handler.ts';
import { accessClaims, type Call, CLIENT_ID, invoke } from './api-event.ts';
import { memoryLockStore } from './memory-batch.ts';
import { memoryKnownVoices, memoryNotes, memoryRecordingDefaults } from './memory-recording.ts';
import {
  memoryChunkStore,
  memoryObjects,
  memoryQueue,
  memoryResults,
  memorySessionStore,
  memorySettingsStore,
  memoryUsageCounter,
} from './memory-stores.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow, USER, voicedTranscript } from './rows.ts';

export const MINE = accessClaims(USER);

/** `canKnowVoices`: whether the stage allows known voices; `canDiarize`: whether it has a speaker model. */
export async function recordingWorld({ canKnowVoices = false, canDiarize = false } = {}) {
  const [store, chunks, objects, queue] = [memorySessionStore(), memoryChunkStore(), memoryObjects(), memoryQueue()];
  const [settings, defaults, notes] = [memorySettingsStore(), memoryRecordingDefaults(), memoryNotes()];
  const [locks, knownVoices] = [memoryLockStore(), memoryKnownVoices()];
  const results = memoryResults(
    new Map([...[1, 2, 3].map((n) => [`r${n}`, chunkTranscript(n)] as const), ['voiced', voicedTranscript(1)] as const]),
  );
  const signed: UploadToSign[] = [];
  const pool = { row: emptyPool() };
  const clock = { ms: 1 };
  const wakes = { count: 0 };
  const ids = { count: 0 };
  await store.create(sessionRow());
  const usage = memoryUsageCounter();
  const deps = {
    sessions: store,
    chunks,
    objects,
    queue,
    locks,
    wake: async () => void wakes.count++,
    nowMs: () => clock.ms,
  };
  const sessionsHandler = buildSessions(
    {
      ...deps,
      defaults,
      usage,
      newUlid: () => 'ULID',
      liveDefault: true,
      canDiarize,
      models: ['small', 'base.en'],
      readPool: async () => pool.row,
      costOf: async (_sessionId, rows) => ({ gpuSeconds: rows.length, usd: rows.length / 1000 }),
    },
    CLIENT_ID,
  );
  const uploads = buildUploads(
    {
      sessions: store,
      chunks,
      usage,
      nowMs: () => clock.ms,
      sign: async (upload) => {
        signed.push(upload);
        return { method: 'PUT', url: 'https://upload', headers: {}, expiresAt: '' };
      },
    },
    CLIENT_ID,
  );
  const correctorFor = (userId: string) => correctors(settings)(userId);
  /** Exports that are too large for a response, by key. */
  const stored = new Map<string, string | Uint8Array>();
  const transcripts = buildTranscripts(
    {
      ...{ sessions: store, chunks, results, notes, correctorFor, nowMs: deps.nowMs },
      ...{ knownVoices, canKnowVoices },
      downloadUrl: async () => 'https://download',
      newId: () => `id-${++ids.count}`,
      storeExport: async (key, content) => void stored.set(key, content),
    },
    CLIENT_ID,
  );
  const corrections = buildCorrections({ settings, defaults, usage, nowMs: deps.nowMs }, CLIENT_ID);
  /** Adds a transcribed chunk of 30 s with the text `w<n>-0 w<n>-1 w<n>-2`. */
  const done = (n: number) => chunks.put(chunkRow(n, { state: 'done', result_key: `r${n}`, duration_seconds: 30, fence: 1 }));
  const presign = (body: object, more: Partial<Call> = {}) =>
    invoke(uploads, {
      route: 'POST /api/sessions/{id}/chunks',
      id: SESSION,
      claims: MINE,
      body: { chunkNumber: 1, contentType: 'audio/webm', sizeBytes: 10, ...body },
      ...more,
    });
  /** Calls a route for the session as its owner. */
  const call = (route: string, more: Partial<Call> = {}) => {
    const handler = /transcript$|edits|notes|audio|peaks|speaker|voices/.test(route)
      ? transcripts
      : /corrections|defaults/.test(route)
        ? corrections
        : sessionsHandler;
    return invoke(handler, { route, id: SESSION, claims: MINE, ...more });
  };
  return {
    deps,
    store,
    chunks,
    objects,
    queue,
    settings,
    defaults,
    notes,
    knownVoices,
    results,
    stored,
    signed,
    pool,
    clock,
    wakes,
    done,
    presign,
    call,
    sessionsHandler,
    uploads,
    transcripts,
  };
}
