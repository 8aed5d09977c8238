/** Growing texts that are stored in parts: a client that reads only what follows has the same transcript as one that reads all. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChunkRow } from '../../core/contracts/rows.ts';
import type { ChunkTranscript, Segment, Transcript } from '../../core/contracts/transcript.ts';
import { withUserChanges } from '../../core/transcripts/edits.ts';
import { joinChunks } from '../../core/transcripts/join.ts';
import { currentTranscript } from '../../core/transcripts/live.ts';
import { processNewResults } from '../../core/transcripts/new-results.ts';
import { outcomesOf } from '../../core/transcripts/outcomes.ts';
import { continued } from '../../web/src/recorder/continued.ts';
import { memoryChunkStore, memoryResults, memorySessionStore } from '../support/memory-stores.ts';
import { chunkRow, chunkTranscript, SESSION, sessionRow } from '../support/rows.ts';

const CHUNKS = 60;

/** What happens next: the next chunk is transcribed, an earlier one changes or fails, one is left out, or a client reads. */
const KINDS = [...Array(12).fill('next'), 'again', 'dead', 'hole', 'corrections', ...Array(6).fill('read')] as const;
const event = fc.record({
  kind: fc.constantFrom<'next' | 'again' | 'dead' | 'hole' | 'corrections' | 'read'>(...KINDS),
  words: fc.nat(6),
  hasLeadIn: fc.boolean(),
  back: fc.nat(30),
  /** Where the microphone of the chunk delivers no sound. */
  silences: fc.constantFrom<[number, number][]>(
    [],
    [],
    [[0, 30]],
    [[0, 30]],
    [[0, 7]],
    [[22, 30]],
    [
      [0, 6],
      [8, 19],
      [25, 30],
    ],
  ),
});
type Event = Pick<typeof event extends fc.Arbitrary<infer One> ? One : never, 'words' | 'hasLeadIn' | 'back' | 'silences'>;

/** A chunk of 30 s with words at both of its ends, so that they are joined with those of its neighbors. */
function resultOf(
  n: number,
  words: number,
  lead: ChunkTranscript['lead_in'],
  silences: [number, number][] = [],
): ChunkTranscript {
  const result = chunkTranscript(n, 30, words);
  return {
    ...result,
    segments: [...result.segments, ...wordsAtEnd(n, 30).map(segmentOf)],
    ...(lead !== undefined && { lead_in: lead }),
    ...(silences.length > 0 && { no_signal: silences.map(([start, end]) => ({ start, end })) }),
  };
}
/** The last four words of a chunk. A lead-in has them too; its decode may have understood one of them differently. */
const wordsAtEnd = (n: number, end: number, different?: number) =>
  [2.6, 2, 1.3, 0.6].map((before, i) => ({
    ...{ word: ` end${n}${i === different ? 'other' : 'abcd'[i]}`, probability: 0.9 },
    ...{ start: end - before, end: end - before + 0.4 },
  }));
const segmentOf = (word: Segment['words'][number]): Segment => ({
  ...{ id: 0, avg_logprob: -0.2, no_speech_prob: 0, compression_ratio: 1, text: word.word.trim(), words: [word] },
  ...{ start: word.start, end: word.end },
});

async function world() {
  const results = new Map<string, ChunkTranscript>();
  const [sessions, chunks, store] = [memorySessionStore(), memoryChunkStore(), memoryResults(results)];
  const corrections = { version: 0 };
  const correctorFor = async () => {
    const { version } = corrections;
    return {
      version,
      count: () => ({}),
      correct: (text: string) => (version === 0 ? text : text.replaceAll('end', `[${version}]`)),
    };
  };
  await sessions.create(sessionRow());
  const deps = { sessions, chunks, results: store, correctorFor, nowMs: () => 1 };
  let fence = 0;
  /** Commits a result and delivers its stream record. */
  const commit = async (n: number, row: Partial<ChunkRow>, result?: ChunkTranscript): Promise<void> => {
    fence += 1;
    if (result !== undefined) results.set(`r${fence}`, result);
    const more = result === undefined ? {} : { result_key: `r${fence}`, duration_seconds: 30 };
    const committed = chunkRow(n, { state: 'done', fence, pending_shard: undefined, etag: `e${n}`, ...more, ...row });
    chunks.put(committed);
    await processNewResults(deps, SESSION, [committed]);
  };
  const read = async (after?: string): Promise<Transcript> => {
    const session = await sessions.get(SESSION);
    if (session === undefined) throw new Error('no session');
    return JSON.parse(await (await currentTranscript(deps, session)).read(after)) as Transcript;
  };
  /** The same transcript, joined from all results. */
  const joinedAtOnce = async (): Promise<Transcript> => {
    const all = joinChunks(SESSION, await outcomesOf(store, sessionRow(), await chunks.listOf(SESSION)));
    return { ...withUserChanges(all, (await correctorFor()).correct, []), final: false };
  };
  return { ...deps, store, corrections, commit, read, joinedAtOnce };
}

const withoutCursor = ({ cursor: _cursor, after: _after, ...transcript }: Transcript): Omit<Transcript, 'cursor' | 'after'> =>
  transcript;

test('a client that reads only what follows its cursor has the whole transcript, whatever changes before [session.flat]', async () => {
  let continuations = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 120, size: 'max' }), async (events) => {
      const w = await world();
      await w.commit(1, {}, resultOf(1, 3, undefined));
      let known: Transcript | undefined;
      let n = 1;
      const acts = {
        next: async ({ words, hasLeadIn, back, silences }: Event) => {
          n += 1;
          const leadIn = { seconds: 3, etag: `e${n - 1}`, words: wordsAtEnd(n - 1, 0, back % 5) };
          await w.commit(n, {}, resultOf(n, words, hasLeadIn ? leadIn : undefined, silences));
        },
        again: async ({ back, words, silences }: Event) => {
          const number = Math.max(1, n - back);
          if ((await w.chunks.get(SESSION, number)) !== undefined)
            await w.commit(number, {}, resultOf(number, words, undefined, silences));
        },
        dead: async () => {
          n += 1;
          await w.commit(n, { state: 'dead', error_message: 'broken' });
        },
        hole: async () => {
          n += 1;
        },
        corrections: async () => {
          w.corrections.version += 1;
        },
        read: async () => {
          const newer = await w.read(known?.cursor);
          if (newer.after !== undefined) continuations += 1;
          known = continued(known, newer);
          expect(withoutCursor(known)).toEqual(await w.joinedAtOnce());
        },
      };
      for (const one of events) if (n < CHUNKS) await acts[one.kind](one);
      await acts.read();
    }),
    { numRuns: 150 },
  );
  expect(continuations).toBeGreaterThan(300);
});

/** Requests and bytes that a new chunk costs: its processing, and a client's next reading. */
test('a new chunk costs the same number of reads in a recording of a day as in one of five minutes [session.flat]', async () => {
  const w = await world();
  const counted = { rows: 0, results: 0, parts: 0, bytes: 0 };
  const { listFrom } = w.chunks;
  w.chunks.listFrom = async (...range) => {
    const rows = await listFrom(...range);
    counted.rows += rows.length;
    return rows;
  };
  const { readPart, readPartEnd } = w.store;
  w.store.readPart = (...place) => {
    counted.parts += 1;
    return readPart(...place);
  };
  w.store.readPartEnd = (...place) => {
    counted.parts += 1;
    return readPartEnd(...place);
  };
  const { readResult } = w.store;
  w.store.readResult = (key) => {
    counted.results += 1;
    return readResult(key);
  };
  let cursor: string | undefined;
  const costs: (typeof counted)[] = [];
  for (let n = 1; n <= 2880; n++) {
    Object.assign(counted, { rows: 0, results: 0, parts: 0, bytes: 0 });
    await w.commit(n, {}, resultOf(n, 20, undefined));
    const newer = await w.read(cursor);
    counted.bytes = JSON.stringify(newer).replaceAll(/\d+/g, '0').length;
    cursor = newer.cursor;
    costs.push({ ...counted });
  }
  const sum = (of: readonly (typeof counted)[], what: keyof typeof counted): number =>
    of.reduce((all, one) => all + one[what], 0);
  const [early, late] = [costs.slice(16, 32), costs.slice(-16)];
  for (const what of ['rows', 'results', 'parts'] as const) expect(sum(late, what)).toBe(sum(early, what));
  expect(sum(late, 'bytes')).toBeLessThan(1.1 * sum(early, 'bytes'));
});
