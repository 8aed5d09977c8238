/** All API functions on memory stores that contain data of one user, marked with a canary. */
import type { CallId } from '../../core/contracts/calls/all.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { buildHandler as buildBatch } from '../../lambdas/batch-api/handler.ts';
import { buildHandler as buildCorrections } from '../../lambdas/corrections-api/handler.ts';
import { buildHandler as buildGpu } from '../../lambdas/gpu-api/handler.ts';
import { buildHandler as buildJobs } from '../../lambdas/jobs-api/handler.ts';
import { buildHandler as buildInfo } from '../../lambdas/service-info/handler.ts';
import { buildHandler as buildWebhooks } from '../../lambdas/webhooks-api/handler.ts';
import { accessClaims, type Call, CLIENT_ID, invoke } from './api-event.ts';
import { batchWorld } from './batch-world.ts';
import { fleetWorld, INSTANCE } from './fleet-world.ts';
import { jobWorld } from './job-world.ts';
import { memoryLedger, memoryUsageCounter } from './memory-stores.ts';
import { recordingWorld } from './recording-world.ts';
import { chunkRow, deliveryRow, jobRow, sessionRow, USER, voicedTranscript } from './rows.ts';
import { webhookWorld } from './webhook-world.ts';

export const OTHER = 'user-b';
const MINE = accessClaims(USER);
const ADMIN = accessClaims('ada', { 'cognito:groups': '[admin]' });
const CANARY = 'canary';
/** Data that only the owner and admins may read: the canary, the owner's id, words of their chunks. */
export const SECRET = new RegExp(`${CANARY}|${USER}|w\\d-\\d`);

const [RECORDING, COMPLETED] = ['session_recording', 'session_completed'];
const [LOCKED, UNLOCKED] = ['session_locked', 'session_unlocked'];
const jobId = (letter: string): string => `job_${letter.repeat(26)}`;
const [DONE_JOB, OPEN_JOB, FAILED_JOB] = ['A', 'B', 'C'].map(jobId);
const DELIVERY = deliveryRow(1, { url: `https://${CANARY}.example/`, body: `{"text":"${CANARY}"}` });
const RUN = 'batch-2026-03-05-1400';
const ADDRESS = { method: 'PUT' as const, url: 'https://s3/x', headers: {}, expiresAt: '2026-03-01T13:00:00.000Z' };

type Example = Partial<Omit<Call, 'route' | 'claims'>>;
const recording: Example = { id: RECORDING };
const done: Example = { id: DONE_JOB };
const open: Example = { id: OPEN_JOB };
const FILE = { filename: 'talk.mp3', contentType: 'audio/mpeg', sizeBytes: 1000 };

/** Arguments for a successful call by the owner, or by an admin for admin calls. A call without an example does not compile. */
export const EXAMPLES: Readonly<Record<CallId, Example>> = {
  'POST /api/sessions': { body: { title: 'Tuesday' } },
  'GET /api/recording-defaults': {},
  'PUT /api/recording-defaults': { body: { prompt: '', hotwords: '' } },
  'GET /api/sessions': {},
  'GET /api/sessions/{id}': recording,
  'PATCH /api/sessions/{id}': { ...recording, body: { title: 'Tuesday' } },
  'DELETE /api/sessions/{id}': recording,
  'POST /api/sessions/{id}/chunks': { ...recording, body: { chunkNumber: 9, contentType: 'audio/webm', sizeBytes: 10 } },
  'POST /api/sessions/{id}/chunks/{n}/retry': { ...recording, n: '2' },
  'POST /api/sessions/{id}/complete': { ...recording, body: { chunkCount: 2 } },
  'POST /api/sessions/{id}/resume': { id: COMPLETED, headers: { 'idempotency-key': 'one' } },
  'POST /api/sessions/{id}/retranscribe': { id: COMPLETED, body: {} },
  'GET /api/sessions/{id}/cache': recording,
  'GET /api/sessions/{id}/cost': recording,
  'GET /api/sessions/{id}/transcript': recording,
  'POST /api/sessions/{id}/transcript/ranges': { ...recording, body: { start: 0, end: 90 } },
  'GET /api/sessions/{id}/transcript/edits': recording,
  'PUT /api/sessions/{id}/transcript/edits': { ...recording, body: { version: 1, edits: [] } },
  'GET /api/sessions/{id}/notes': recording,
  'PUT /api/sessions/{id}/notes/{note}': { ...recording, note: 'one', body: { text: 'A note', chunkNumber: 1, seconds: 2 } },
  'DELETE /api/sessions/{id}/notes/{note}': { ...recording, note: 'one' },
  'GET /api/sessions/{id}/audio': recording,
  'GET /api/sessions/{id}/peaks': recording,
  'PUT /api/sessions/{id}/speakers': { id: COMPLETED, body: { speaker: 'S1', name: 'Ana' } },
  'POST /api/sessions/{id}/speakers/assign': { id: COMPLETED, body: { start: 0, end: 30, speaker: 'Ben' } },
  'POST /api/sessions/{id}/speakers': { ...recording, body: { segments: [{ speaker: 'A', start: 0, end: 30 }] } },
  'GET /api/sessions/{id}/speaker-suggestions': { id: COMPLETED },
  'GET /api/known-voices': {},
  'POST /api/known-voices': { body: { sessionId: COMPLETED, speaker: CANARY } },
  'DELETE /api/known-voices': {},
  'DELETE /api/known-voices/{id}': { id: 'known-1' },
  'GET /api/corrections': {},
  'PUT /api/corrections': { body: { rules: [], targetWords: [] } },
  'POST /api/transcriptions': { body: FILE },
  'GET /api/transcriptions': {},
  'POST /api/transcriptions/{id}/parts': { ...open, body: {} },
  'POST /api/transcriptions/{id}/upload-complete': { ...open, body: {} },
  'GET /api/transcriptions/{id}/status': done,
  'GET /api/transcriptions/{id}/transcript': done,
  'GET /api/transcriptions/{id}/audio': done,
  'GET /api/transcriptions/{id}/peaks': done,
  'POST /api/transcriptions/{id}/cancel': { ...open, body: {} },
  'POST /api/transcriptions/{id}/retry': { id: FAILED_JOB, body: {} },
  'POST /api/transcriptions/{id}/retranscribe': { ...done, body: {} },
  'PUT /api/transcriptions/{id}/speakers': { ...done, body: { speaker: 'S1', name: 'Ana' } },
  'POST /api/transcriptions/{id}/speakers/assign': { ...done, body: { start: 0, end: 30, speaker: 'Ben' } },
  'DELETE /api/transcriptions/{id}': done,
  'POST /api/gpu/start': { body: {} },
  'POST /api/gpu/stop': { body: { force: true } },
  'POST /api/batch/lock': { body: { sessionId: UNLOCKED } },
  'POST /api/batch/unlock': { body: { sessionId: LOCKED } },
  'GET /api/batch/lock-status': {},
  'DELETE /api/batch/locks/{id}': { id: LOCKED },
  'POST /api/batch/runs': { body: { dryRun: true } },
  'GET /api/batch/runs': {},
  'GET /api/batch/runs/{id}': { id: RUN },
  'GET /api/batch/pending': {},
  'GET /api/batch/reports': {},
  'GET /api/batch/reports/{id}': { id: RUN },
  'PUT /api/batch/schedule': { body: { enabled: false } },
  'GET /api/notifications': {},
  'PUT /api/notifications': { body: { sessionCompleted: false } },
  'GET /api/webhook': {},
  'PUT /api/webhook': { body: { url: 'https://example.com/' } },
  'POST /api/webhook/secret': { body: {} },
  'GET /api/webhook/deliveries': {},
  'POST /api/webhook/deliveries/{id}/replay': { id: DELIVERY.id, body: {} },
  'GET /api/costs': {},
  'GET /api/overview/dead-chunks': {},
  'GET /api/overview': {},
  'GET /api/health': {},
  'GET /api/openapi.json': {},
};

async function recordings() {
  const w = await recordingWorld({ canKnowVoices: true });
  await w.store.create(sessionRow({ session_id: RECORDING, title: CANARY }));
  const complete = { state: 'completed', chunk_count: 1, edits_version: 1 } as const;
  await w.store.create(sessionRow({ session_id: COMPLETED, title: CANARY, ...complete }));
  const transcribed = { state: 'done', duration_seconds: 30, fence: 1, result_key: 'r1' } as const;
  for (const session_id of [RECORDING, COMPLETED]) w.chunks.put(chunkRow(1, { session_id, ...transcribed }));
  w.chunks.put(chunkRow(1, { session_id: COMPLETED, ...transcribed, result_key: 'voiced' }));
  w.chunks.put(chunkRow(2, { session_id: RECORDING, state: 'dead', error_message: CANARY, dead_shard: 'dead' }));
  const voices = (voicedTranscript(1).speakers ?? []).map((voice) => ({ ...voice, model: 'ge2e' }));
  const people = [{ id: 'person-1', name: CANARY, voices: voices.slice(1), channels: [] }];
  const changes = { edits: [{ start: 0, end: 1, text: CANARY }], speakers: { people, stretches: [] } };
  for (const id of [RECORDING, COMPLETED]) w.results.edits[id] = { version: 1, ...changes, tag: 'tag-1' };
  const known = voices.slice(0, 1).map((voice) => ({ ...voice, id: 'known-1', name: `${CANARY} 2`, saved_at_ms: 1 }));
  await w.knownVoices.put(USER, { revision: 'one', voices: known }, undefined);
  const corrections = { rules: [{ kind: 'word', match: 'nothing', replace: CANARY }], targetWords: [CANARY] };
  await w.call('PUT /api/corrections', { body: corrections });
  await w.defaults.put(USER, { prompt: CANARY });
  await w.notes.writeNotes(
    sessionRow({ session_id: RECORDING }),
    [{ id: 'mine', text: CANARY, chunkNumber: 1, seconds: 1, kind: 'note' }],
    undefined,
  );
  const state = async () => ({
    sessions: await Promise.all([RECORDING, COMPLETED].map((id) => w.store.get(id))),
    chunks: await Promise.all([RECORDING, COMPLETED].map((id) => w.chunks.listOf(id))),
    results: w.results,
    notes: await Promise.all([RECORDING, COMPLETED].map(async (id) => w.notes.readNotes(sessionRow({ session_id: id })))),
    defaults: await w.defaults.get(USER),
    corrections: await w.settings.get(USER),
    knownVoices: await w.knownVoices.get(USER),
  });
  return { ...w, state };
}

async function files() {
  const w = jobWorld();
  const row = (job_id: string, more: object) =>
    jobRow({
      job_id,
      filename: `${CANARY}.mp3`,
      prompt: CANARY,
      object_key: `users/${USER}/files/${job_id}/source.mp3`,
      ...more,
    });
  const over = { uploaded_at_ms: 1, duration_seconds: 30 };
  const rows = [
    row(DONE_JOB ?? '', { status: 'completed', progress: 100, ...over }),
    row(OPEN_JOB ?? '', { open_of: USER, stage: 'Waiting for the file', due_shard: 'due', due_at_ms: 9e12 }),
    row(FAILED_JOB ?? '', { status: 'failed', error: CANARY, ...over }),
  ];
  const segment = { id: 0, start: 0, end: 30, text: CANARY, avg_logprob: 0, no_speech_prob: 0, compression_ratio: 1, words: [] };
  const words = { text: CANARY, segments: [{ ...segment, speaker: 'S1' }], gaps: [], coverage: [], chunks: [] };
  for (const job of rows) {
    await w.jobs.create(job);
    w.sizes.set(job.object_key, 1);
    const transcript = { jobId: job.job_id, status: 'completed', language: 'en', duration_seconds: 30, model: 'm', ...words };
    w.json.set(job.object_key.replace('source.mp3', 'transcription.json'), transcript);
  }
  const handler = buildJobs(
    {
      ...w,
      newUlid: () => '0'.repeat(26),
      stage: { models: ['small.en'], canDiarize: false, compressFiles: true, retentionDays: 0 },
      maxOpenJobs: 100,
      maxAudioHours: 48,
      readPool: async () => emptyPool(),
      sign: async () => ADDRESS,
      signPart: async () => ADDRESS,
      downloadUrl: async (key) => `https://s3/${key}`,
      storeExport: async () => undefined,
      checkCallback: () => undefined,
    },
    CLIENT_ID,
  );
  const state = async () => ({
    jobs: await Promise.all(rows.map(({ job_id }) => w.jobs.get(job_id))),
    parts: await Promise.all(rows.map(({ job_id }) => w.chunks.listOf(job_id))),
    stored: [...w.sizes, ...w.json].filter(([key]) => key.includes(USER)),
  });
  return { ...w, handler, state };
}

async function batches() {
  const w = batchWorld();
  await w.begin();
  await w.tick();
  w.pass(60_000);
  for (const session_id of [LOCKED, UNLOCKED]) await w.sessions.create(sessionRow({ session_id, title: CANARY }));
  w.add(`session_${CANARY}`, 1);
  await w.begin({ trigger: 'manual', dryRun: true });
  await w.tick();
  w.pass(60_000);
  const handler = buildBatch({ ...w.deps, usage: memoryUsageCounter(), canMail: true, kick: async () => undefined }, CLIENT_ID);
  await invoke(handler, { route: 'POST /api/batch/lock', claims: MINE, body: { sessionId: LOCKED } });
  await invoke(handler, { route: 'PUT /api/notifications', claims: MINE, body: { sessionCompleted: true } });
  const state = async () => ({ locks: await w.locks.leases(), mailSettings: await w.notices.mailSettings(USER) });
  const shared = async () => ({ runs: await w.batch.listRuns(100), state: await w.batch.readState() });
  return { ...w, handler, state, shared };
}

async function webhooks() {
  const w = webhookWorld();
  await w.deps.webhooks.insert(DELIVERY);
  const deps = { ...w.deps, usage: memoryUsageCounter(), rules: { allowLoopback: false, ports: [] } };
  const handler = buildWebhooks(deps, CLIENT_ID);
  await invoke(handler, { route: 'PUT /api/webhook', claims: MINE, body: { url: `https://${CANARY}.example/` } });
  const state = async () => ({
    settings: await w.deps.webhooks.settings(USER),
    deliveries: await w.deps.webhooks.listOf(USER, 100),
  });
  return { ...w, handler, state };
}

function gpu() {
  const w = fleetWorld();
  const { jobs, chunks } = jobWorld();
  chunks.put(chunkRow(1, { state: 'dead', dead_shard: 'dead', error_message: CANARY }));
  const more = { usdPerHour: 0.5, budgetUsd: 2, liveDefault: true, queueLength: async () => 3 };
  const handler = buildGpu({ ...w.deps, chunks, jobs, usage: memoryUsageCounter(), ledger: memoryLedger(), ...more }, CLIENT_ID);
  const shared = async () => ({
    machine: w.machine(),
    pool: await w.store.readPool(),
    row: await w.store.readInstance(INSTANCE),
  });
  return { ...w, handler, shared };
}

export async function attackWorld() {
  const [sessions, jobs, batch, hooks, machines] = [await recordings(), await files(), await batches(), await webhooks(), gpu()];
  const { settings, defaults, deps } = sessions;
  const corrections = buildCorrections({ settings, defaults, usage: memoryUsageCounter(), nowMs: deps.nowMs }, CLIENT_ID);
  const handlers: readonly (readonly [RegExp, unknown])[] = [
    [/api\/(health|openapi.json)$/, buildInfo('test')],
    [/api\/(corrections|recording-defaults)$/, corrections],
    [/\/chunks$/, sessions.uploads],
    [
      /sessions\/\{id\}\/(transcript|transcript\/edits|notes|notes\/\{note\}|audio|peaks|speakers|speakers\/assign|speaker-suggestions)$/,
      sessions.transcripts,
    ],
    [/api\/known-voices/, sessions.transcripts],
    [/api\/sessions/, sessions.sessionsHandler],
    [/api\/transcriptions/, jobs.handler],
    [/api\/webhook/, hooks.handler],
    [/api\/(gpu|overview|costs)/, machines.handler],
    [/api\/(batch|notifications)/, batch.handler],
  ];
  return {
    /** Calls a route. `more` replaces the arguments of the example. */
    call(route: string, claims: Readonly<Record<string, string>> | undefined, more?: Example) {
      const handler = handlers.find(([pattern]) => pattern.test(route))?.[1];
      return invoke(handler, { ...(more ?? EXAMPLES[route as CallId]), route, ...(claims && { claims }) });
    },
    /** All data of the owner, as text. */
    ofOwner: async () =>
      JSON.stringify([await sessions.state(), await jobs.state(), await batch.state(), await hooks.state()], null, 1),
    /** Shared state (runs, machines, messages, signed URLs) and the data of the other callers, as text. */
    shared: async () =>
      JSON.stringify(
        [
          await batch.shared(),
          await machines.shared(),
          [sessions.queue.sent, sessions.signed, sessions.wakes, jobs.queue.sent, batch.queue.sent, batch.mails, hooks.received],
          await Promise.all(
            [OTHER, 'ada'].map(async (user) => [
              await sessions.store.listOf(user, 100),
              await jobs.jobs.listOf(user, 100),
              await hooks.deps.webhooks.settings(user),
              await settings.get(user),
            ]),
          ),
        ],
        null,
        1,
      ),
  };
}
export const CALLERS = { MINE, ADMIN };
