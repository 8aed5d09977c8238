/** Whatever happens on the way, the text is that of the ideal sequence: chunks one after the other, each once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ingest, queueWhatIsMissing } from '../../core/chunk-cache/ingest.ts';
import { chunkKey } from '../../core/contracts/keys.ts';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { assembleSession, bundleResults } from '../../core/transcripts/assemble.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { memoryChunkStore, memoryObjects, memoryQueue, memoryResults, memorySessionStore } from '../support/memory-stores.ts';
import { chunkTranscript, SESSION, sessionRow, USER } from '../support/rows.ts';

const CHUNKS = 12;
const place = (chunkNumber: number) => ({ userId: USER, sessionId: SESSION, chunkNumber });
const correctorFor = async () => ({ correct: (text: string) => text, count: () => ({}), version: 0 });

/** What may happen with a chunk, in any order and as often as it likes: the event of its upload, a claim, a death, a commit, an assembly. */
const step = fc.record({
  n: fc.integer({ min: 1, max: CHUNKS }),
  what: fc.constantFrom('upload', 'event', 'claim', 'finish', 'release', 'commit', 'bundle', 'assemble', 'complete'),
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
  const outcome = (n: number) => chunkTranscript(n, 30 + n, n % 4);
  const said = (n: number) => (n > 1 && overlap > 0 ? { overlapMs: overlap } : {});
  const update = async (n: number, allowed: ChunkRow['state'], more: (row: ChunkRow) => Partial<ChunkRow>): Promise<void> => {
    const row = await chunks.get(SESSION, n);
    if (row?.state === allowed) chunks.put({ ...row, ...more(row) });
  };
  const commit = (n: number): Promise<void> =>
    update(n, 'leased', ({ fence }) => {
      results.set(`r${n}.${fence}`, outcome(n));
      return { state: 'done', result_key: `r${n}.${fence}`, duration_seconds: 30 + n };
    });
  return { deps, key, outcome, said, update, commit, results: deps.results };
}

const ideal = (w: ReturnType<typeof world>, overlap: number) =>
  joinChunks(
    SESSION,
    Array.from({ length: CHUNKS }, (_, i) => ({
      kind: 'transcribed' as const,
      result: w.outcome(i + 1),
      overlapSeconds: i > 0 && overlap > 0 ? overlap / 1000 : undefined,
    })),
  );

test('any order, duplicates, holes that are filled late, deaths and restarts give the transcript of the ideal sequence', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150 }), fc.constantFrom(0, 250), async (steps, overlap) => {
      const w = world(overlap);
      const { deps } = w;
      await deps.sessions.create(sessionRow());
      const upload = async (n: number): Promise<void> =>
        deps.objects.put({ key: w.key(n), etag: `e${n}`, sizeBytes: 9, modifiedAtMs: n, said: w.said(n) });
      const acts = {
        upload,
        event: (n: number) => ingest(deps, place(n), w.key(n)),
        /** Everything that waits has its end: a transcript can be written now, and must be written again later. */
        finish: async () => {
          for (let n = 1; n <= CHUNKS; n++) {
            await acts.claim(n);
            await acts.commit(n);
          }
          await acts.assemble();
        },
        claim: (n: number) => w.update(n, 'pending', ({ fence }) => ({ state: 'leased', fence: fence + 1 })),
        release: (n: number) => w.update(n, 'leased', () => ({ state: 'pending' })),
        commit: (n: number) => w.commit(n),
        bundle: () => bundleResults(deps, SESSION),
        assemble: () => assembleSession(deps, SESSION),
        complete: async (n: number) => {
          const session = await deps.sessions.get(SESSION);
          if (session) await queueWhatIsMissing(deps, session);
          await deps.sessions.complete(SESSION, n, 5);
        },
      };
      for (const { n, what } of steps) await acts[what](n);
      for (let n = 1; n <= CHUNKS; n++) await upload(n);
      await acts.complete(CHUNKS);
      await acts.finish();
      expect(w.results.transcript).toEqual(ideal(w, overlap));
    }),
    { numRuns: 300 },
  );
});
