/**
 * What one chunk, poll, page view, Stop and edit of a recording cost, by its length: requests to S3 and DynamoDB, bytes and time,
 * with the code of the functions and their adapters on the emulator. The results of the chunks are fixed.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { chunkKey } from '../core/contracts/keys.ts';
import { PART_CHUNKS } from '../core/contracts/limits.ts';
import { type ChunkRow, INDEXES } from '../core/contracts/rows.ts';
import type { ChunkTranscript } from '../core/contracts/transcript.ts';
import { emptyPool } from '../core/fleet/rows.ts';
import { completeSession } from '../core/sessions/completion.ts';
import { sessionDetails } from '../core/sessions/details.ts';
import { assembleSession } from '../core/transcripts/assemble.ts';
import { audioPage } from '../core/transcripts/audio.ts';
import { currentTranscript } from '../core/transcripts/live.ts';
import { processNewResults } from '../core/transcripts/new-results.ts';
import { saveEdits } from '../core/transcripts/save-edits.ts';
import { dynamoChunkStore } from '../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoSessionStore } from '../lambdas/adapters/dynamo-session-store.ts';
import { s3ChunkObjects, s3Results } from '../lambdas/adapters/s3-objects.ts';
import { type CountedAws, onCountedAws } from './counted-aws.ts';
import { longTranscript } from './long-transcript.ts';

const USER = 'user';
const [CHUNK_SECONDS, WORDS_PER_CHUNK] = [30, 78];
/** New chunks of which the mean is taken: a part of the stored text is complete once. */
const NEW_CHUNKS = PART_CHUNKS;
const AT_ONCE = 16;
/** Records in a batch of the table's stream. */
const RECORDS = 25;

/** Means per call. */
export interface Cost {
  readonly requests: number;
  readonly kilobytes: number;
  readonly ms: number;
}
export interface LongRecordingFigures {
  readonly chunks: number;
  /** Its processing, and what an open page then reads. */
  readonly newChunk: Cost;
  readonly unchangedPoll: Cost;
  readonly pageView: Cost;
  readonly stop: Cost;
  readonly edit: Cost;
  /** Peak memory of the process so far. */
  readonly peakMb: number;
}

const WORDS = longTranscript('session_words', 60 * WORDS_PER_CHUNK).segments.flatMap(({ words }) => words);

function resultOf(sessionId: string, n: number): ChunkTranscript {
  const from = (n % 59) * WORDS_PER_CHUNK;
  const words = WORDS.slice(from, from + WORDS_PER_CHUNK).map(({ word }, i) => ({
    ...{ word, start: i * 0.38, end: (i + 1) * 0.38, probability: 0.95 },
  }));
  const segments = Array.from({ length: WORDS_PER_CHUNK / 13 }, (_, id) => {
    const own = words.slice(id * 13, (id + 1) * 13);
    return {
      ...{
        id,
        start: id * 13 * 0.38,
        end: (id + 1) * 13 * 0.38,
        avg_logprob: -0.2,
        no_speech_prob: 0.01,
        compression_ratio: 1.4,
      },
      ...{
        language: 'en',
        words: own,
        text: own
          .map(({ word }) => word)
          .join('')
          .trim(),
      },
    };
  });
  const text = segments.map((segment) => segment.text).join(' ');
  return { sessionId, chunkNumber: n, language: 'en', duration_seconds: CHUNK_SECONDS, model: 'fixed', text, segments };
}

async function figuresOf(aws: CountedAws, chunkCount: number): Promise<LongRecordingFigures> {
  const { s3, db, bucket, counts } = aws;
  const sessionId = `session_long${chunkCount}`;
  const corrector = { version: 0, correct: (text: string) => text, count: () => ({}) };
  const deps = {
    sessions: dynamoSessionStore(db, 'sessions'),
    chunks: dynamoChunkStore(db, 'chunks'),
    results: s3Results(s3, bucket),
    objects: s3ChunkObjects(s3, bucket),
    queue: { send: async () => undefined, sendMany: async () => undefined },
    correctorFor: async () => corrector,
    readPool: async () => emptyPool(),
    downloadUrl: async (key: string) => `https://bucket.example/${key}`,
    ...{ wake: async () => undefined, storeExport: async () => undefined },
    nowMs: Date.now,
  };
  await deps.sessions.create({ session_id: sessionId, user_id: USER, live: true, state: 'recording', created_at_ms: 1 });
  const session = async () => {
    const row = await deps.sessions.get(sessionId);
    if (row === undefined) throw new Error('the session is missing');
    return row;
  };
  /** Stores a transcribed chunk, as an upload and the worker do. */
  const transcribed = async (n: number): Promise<ChunkRow> => {
    const object_key = chunkKey({ userId: USER, sessionId, chunkNumber: n }, 'webm');
    const result = resultOf(sessionId, n);
    const result_key = `users/${USER}/sessions/${sessionId}/results/${n}.json`;
    const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    const { ETag = '' } = await put(object_key, `audio ${n}`);
    await put(result_key, JSON.stringify(result));
    const row: ChunkRow = {
      ...{ session_id: sessionId, chunk_number: n, user_id: USER, state: 'done', lane: 'live', object_key, result_key },
      ...{ etag: ETag.replaceAll('"', ''), size_bytes: 240_000, uploaded_at_ms: n, attempts: 1, fence: 1, queued_at_ms: n },
      ...{ next_attempt_at_ms: 0, raw_text: result.text, duration_seconds: CHUNK_SECONDS, transcribed_at_ms: n },
      peaks: Buffer.alloc(10 * CHUNK_SECONDS, n).toString('base64'),
    };
    await db.send(new PutCommand({ TableName: 'chunks', Item: row }));
    return row;
  };
  const measured = async (times: number, act: () => Promise<unknown>): Promise<Cost> => {
    const { requests, bytes } = counts;
    const startedMs = performance.now();
    await act();
    return {
      requests: (counts.requests - requests) / times,
      kilobytes: (counts.bytes - bytes) / 1000 / times,
      ms: (performance.now() - startedMs) / times,
    };
  };

  const earlier = Array.from({ length: chunkCount - NEW_CHUNKS }, (_, i) => i + 1);
  for (let from = 0; from < earlier.length; from += RECORDS) {
    const rows = await pMap(earlier.slice(from, from + RECORDS), transcribed, { concurrency: AT_ONCE });
    await processNewResults(deps, sessionId, rows);
  }
  const readText = async (cursor?: string): Promise<{ json: string; cursor: string | undefined }> => {
    const json = await (await currentTranscript(deps, await session())).read(cursor);
    return { json, cursor: (JSON.parse(json) as { cursor?: string }).cursor };
  };
  let { cursor } = await readText();
  let responseBytes = 0;
  const rows: ChunkRow[] = [];
  for (let n = chunkCount - NEW_CHUNKS + 1; n <= chunkCount; n++) rows.push(await transcribed(n));
  const newChunk = await measured(NEW_CHUNKS, async () => {
    for (const row of rows) {
      await processNewResults(deps, sessionId, [row]);
      const newer = await readText(cursor);
      ({ cursor } = newer);
      responseBytes += newer.json.length + JSON.stringify(await sessionDetails(deps, await session(), row.chunk_number)).length;
    }
  });
  const unchangedPoll = await measured(1, async () => currentTranscript(deps, await session()));
  const pageView = await measured(1, async () => {
    const row = await session();
    await readText();
    await sessionDetails(deps, row, 1);
    await audioPage(deps, row, { from: 1, limit: 200 });
  });
  const stop = await measured(1, async () => {
    await completeSession(deps, await session(), chunkCount);
    await assembleSession(deps, sessionId);
  });
  const edit = await measured(1, async () => {
    await saveEdits(deps, await session(), { version: 0, edits: [{ start: 1, end: 3, text: 'changed by hand' }] });
    await assembleSession(deps, sessionId);
  });
  if ((await session()).transcript_status !== 'completed') throw new Error('the transcript is not complete');
  const withResponse = { ...newChunk, kilobytes: newChunk.kilobytes + responseBytes / 1000 / NEW_CHUNKS };
  return {
    chunks: chunkCount,
    newChunk: withResponse,
    unchangedPoll,
    pageView,
    stop,
    edit,
    peakMb: process.resourceUsage().maxRSS / 1024,
  };
}

/** Measures recordings of these numbers of chunks, in ascending order. */
export const longRecordingFigures = (lengths: readonly number[]): Promise<LongRecordingFigures[]> =>
  onCountedAws(async (aws) => {
    await aws.makeTable('sessions', [['session_id', 'S']]);
    const keys: [string, 'S' | 'N'][] = [
      ['session_id', 'S'],
      ['chunk_number', 'N'],
    ];
    await aws.makeTable('chunks', keys, [INDEXES.chunksPending, 'pending_shard', 'uploaded_at_ms']);
    const figures: LongRecordingFigures[] = [];
    for (const chunks of lengths) {
      figures.push(await figuresOf(aws, chunks));
      console.log(JSON.stringify(figures.at(-1)));
    }
    return figures;
  });
