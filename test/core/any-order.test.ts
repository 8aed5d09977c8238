/** Any sequence of events gives the text of the ideal sequence: each chunk once, in order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkKey } from '../../core/contracts/keys.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { completeSession } from '../../core/sessions/completion.ts';
import { ingest } from '../../core/sessions/ingest.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { processNewResults } from '../../core/transcripts/new-results.ts';
import { memoryChunkStore, memoryObjects, memoryQueue, memoryResults, memorySessionStore } from '../support/memory-stores.ts';
import { chunkTranscript, SESSION, sessionRow, USER } from '../support/rows.ts';

const CHUNKS = 20;
const place = (chunkNumber: number) => ({ userId: USER, sessionId: SESSION, chunkNumber });
const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });

/** A step with a chunk. Steps come in any order and number. */
const step = fc.record({
  n: fc.integer({ min: 1, max: CHUNKS }),
  what: fc.constantFrom('upload', 'replace', 'event', 'claim', 'finish', 'release', 'commit', 'stream', 'assemble', 'complete'),
});

function world(overlap: number) {
  const results = new Map<string, ChunkTranscript>();
  const [sessions, chunks, objects, queue] = [memorySessionStore(), memoryChunkStore(), memoryObjects(), memoryQueue()];
  const deps = {
    sessions,
    chunks,
    objects,
    queue,
    wake: async () => undefined,
    nowMs: () => 1,
    correctorFor,
    results: memoryResults(results),
  };
  const key = (n: number): string => chunkKey(place(n), 'webm');
  const result = (n: number) => chunkTranscript(n, 30 + n, n % 4);
  const declared = (n: number) => (n > 1 && overlap > 0 ? { overlapMs: overlap } : {});
  const update = async (n: number, allowed: ChunkRow['state'], more: (row: ChunkRow) => Partial<ChunkRow>): Promise<void> => {
    const row = await chunks.get(SESSION, n);
    if (row?.state === allowed) chunks.put({ ...row, ...more(row) });
  };
  /** A lead-in of silence; after a replacement of the previous chunk it has a word. */
  const leadIn = async (n: number): Promise<Pick<ChunkTranscript, 'lead_in'>> => {
    const before = await chunks.get(SESSION, n - 1);
    if (before === undefined) return {};
    const words = before.etag === `e${n - 1}` ? [] : [{ word: ' stale', start: -2, end: -1.5, probability: 0.9 }];
    return { lead_in: { seconds: 3, etag: before.etag, words } };
  };
  const commit = async (n: number): Promise<void> => {
    const lead = await leadIn(n);
    await update(n, 'leased', ({ fence, etag }) => {
      results.set(`r${n}.${fence}`, { ...(etag === `e${n}` ? result(n) : chunkTranscript(n, 30 + n, 9)), ...lead });
      return { state: 'done', result_key: `r${n}.${fence}`, duration_seconds: 30 + n };
    });
    const row = await chunks.get(SESSION, n);
    if (row?.state === 'done') stream.push(row);
  };
  const stream: ChunkRow[] = [];
  /** Delivers the oldest records of the stream, in one batch; some of them for the second time. */
  const deliver = async (count: number): Promise<void> => {
    const batch = stream.slice(0, count);
    if (batch.length > 0) await processNewResults(deps, SESSION, batch);
    stream.splice(0, count - (count % 3 === 0 ? 1 : 0));
  };
  const allowReplacing = async (n: number): Promise<void> => {
    const row = await chunks.get(SESSION, n);
    if (row !== undefined) chunks.put({ ...row, replace_allowed: true });
  };
  return { deps, key, result, declared, update, commit, deliver, stream, allowReplacing, results: deps.results };
}

const ideal = (w: ReturnType<typeof world>, overlap: number) =>
  joinChunks(
    SESSION,
    Array.from({ length: CHUNKS }, (_, i) => ({
      kind: 'transcribed' as const,
      result: w.result(i + 1),
      overlapSeconds: i > 0 && overlap > 0 ? overlap / 1000 : undefined,
    })),
  );

test('uploads in any order, duplicates, late chunks, crashes and restarts give the same transcript as the ideal sequence [boundary.lead-in, recording.order]', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150, size: 'max' }), fc.constantFrom(0, 250), async (steps, overlap) => {
      const w = world(overlap);
      const { deps } = w;
      await deps.sessions.create(sessionRow());
      const upload = async (n: number): Promise<void> =>
        deps.objects.put({ key: w.key(n), etag: `e${n}`, sizeBytes: 9, modifiedAtMs: n, declared: w.declared(n) });
      const acts = {
        upload,
        /** Replaces the audio of a chunk; its neighbor may be decoded with it. */
        replace: async (n: number) => {
          await deps.objects.put({ key: w.key(n), etag: `other${n}`, sizeBytes: 9, modifiedAtMs: n, declared: w.declared(n) });
          await w.allowReplacing(n);
        },
        event: (n: number) => ingest(deps, place(n), w.key(n)),
        /** Finishes all pending chunks: a transcript can be written now, and must be written again later. */
        finish: async () => {
          for (let n = 1; n <= CHUNKS; n++) {
            await acts.claim(n);
            await acts.commit(n);
          }
          while (w.stream.length > 0) await w.deliver(7);
          await acts.assemble();
        },
        claim: (n: number) => w.update(n, 'pending', ({ fence }) => ({ state: 'leased', fence: fence + 1 })),
        release: (n: number) => w.update(n, 'leased', () => ({ state: 'pending' })),
        commit: (n: number) => w.commit(n),
        stream: (n: number) => w.deliver(n),
        assemble: () => assembleSession(deps, SESSION),
        complete: async (n: number) => {
          const session = await deps.sessions.get(SESSION);
          if (session) await completeSession(deps, session, n);
        },
      };
      for (const { n, what } of steps) await acts[what](n);
      for (let n = 1; n <= CHUNKS; n++) {
        await upload(n);
        await w.allowReplacing(n);
        await acts.event(n);
      }
      await acts.complete(CHUNKS);
      await acts.finish();
      expect(w.results.transcript).toEqual(ideal(w, overlap));
    }),
    { numRuns: 300 },
  );
});
