/**
 * The batch's scan for missing results at several sizes, compared with one listing per session, on the emulator.
 * Every session has two chunks with results; every tenth session lacks one canonical file.
 */

import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { scan } from '../core/batch-run/scan.ts';
import { chunkKey, chunkTranscriptKey, sessionPrefix } from '../core/contracts/keys.ts';
import { INDEXES } from '../core/contracts/rows.ts';
import { dynamoChunkStore } from '../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoSessionStore } from '../lambdas/adapters/dynamo-session-store.ts';
import { s3BucketListing, s3CanonicalResults } from '../lambdas/adapters/s3-batch.ts';
import { s3ChunkObjects } from '../lambdas/adapters/s3-objects.ts';
import { type CountedAws, onCountedAws } from './counted-aws.ts';

const USERS = 20;
const CHUNKS = 2;
const PARALLEL_REQUESTS = 16;
const MISSING_EVERY = 10;

/** Measures at every size, in ascending order. */
export async function scanFigures(sizes: readonly number[]) {
  return onCountedAws(async (aws) => {
    const keys: [string, 'S' | 'N'][] = [
      ['session_id', 'S'],
      ['chunk_number', 'N'],
    ];
    await aws.makeTable('chunks', keys, [INDEXES.chunksPending, 'pending_shard', 'uploaded_at_ms']);
    await aws.makeTable('sessions', [['session_id', 'S']]);
    const figures: Awaited<ReturnType<typeof figuresOf>>[] = [];
    let created = 0;
    for (const size of [...sizes].sort((a, b) => a - b)) {
      const added = Array.from({ length: size - created }, (_, i) => placeOf(created + i));
      await pMap(added, (place) => record(aws, place), { concurrency: PARALLEL_REQUESTS });
      created = size;
      figures.push(await figuresOf(aws, size));
      console.log(figures.at(-1));
    }
    return figures;
  });
}

/** Seconds and requests of one scan of `size` sessions, and of one listing per session. */
async function figuresOf({ s3, db, bucket, counts }: CountedAws, size: number) {
  const deps = {
    sessions: dynamoSessionStore(db, 'sessions'),
    chunks: dynamoChunkStore(db, 'chunks'),
    objects: s3ChunkObjects(s3, bucket),
    queue: { send: async () => undefined, sendMany: async () => undefined },
    wake: async () => undefined,
    nowMs: Date.now,
    bucket: s3BucketListing(s3, bucket),
    canonical: s3CanonicalResults(s3, bucket),
  };
  const failed = async (_id: string, error: unknown): Promise<never> => {
    throw error;
  };
  const unlimited = { nowMs: Date.now, untilMs: Number.MAX_SAFE_INTEGER, failed };
  counts.requests = 0;
  const startedMs = Date.now();
  const found = await scan(deps, { isDry: true, onProgress: async () => undefined }, unlimited);
  const [seconds, scanRequests] = [(Date.now() - startedMs) / 1000, counts.requests];
  if (found.sessions !== size || found.missing.length !== Math.ceil(size / MISSING_EVERY))
    throw new Error(`found ${found.missing.length} in ${found.sessions} sessions`);

  counts.requests = 0;
  const peerMs = Date.now();
  await pMap(
    Array.from({ length: size }, (_, n) => placeOf(n)),
    async (place) => {
      await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: sessionPrefix(place) }));
    },
    { concurrency: PARALLEL_REQUESTS },
  );
  return {
    sessions: size,
    seconds,
    requests: scanRequests,
    missing: found.missing.length,
    perSessionSeconds: (Date.now() - peerMs) / 1000,
    perSessionRequests: counts.requests,
  };
}

interface Place {
  readonly userId: string;
  readonly sessionId: string;
  readonly isMissing: boolean;
}
const placeOf = (n: number): Place => ({
  userId: `user-${n % USERS}`,
  sessionId: `session_${String(n).padStart(8, '0')}`,
  isMissing: n % MISSING_EVERY === 0,
});

async function record({ s3, db, bucket }: CountedAws, { isMissing, ...place }: Place): Promise<void> {
  const put = async (Key: string, Body: string) =>
    (await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))).ETag?.replaceAll('"', '');
  for (let chunkNumber = 1; chunkNumber <= CHUNKS; chunkNumber += 1) {
    const at = { ...place, chunkNumber };
    const key = chunkKey(at, 'webm');
    const etag = await put(key, `audio of ${key}`);
    const result = `${sessionPrefix(place)}results/${String(chunkNumber).padStart(3, '0')}.1.json`;
    await put(result, `result of ${key}`);
    if (isMissing && chunkNumber === 1) {
      const row = { session_id: place.sessionId, chunk_number: chunkNumber, user_id: place.userId, state: 'done', lane: 'live' };
      const more = { object_key: key, etag, size_bytes: 1, uploaded_at_ms: 1, attempts: 1, fence: 1, queued_at_ms: 1 };
      await db.send(new PutCommand({ TableName: 'chunks', Item: { ...row, ...more, result_key: result, transcribed_at_ms: 1 } }));
    } else await put(chunkTranscriptKey(at), `result of ${key}`);
  }
}
