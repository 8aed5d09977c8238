/**
 * The batch's scan for missing results at several sizes, compared with one listing per session, on the emulator.
 * Every session has two chunks with results; every tenth session lacks one canonical file.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { scan } from '../core/batch-run/scan.ts';
import { chunkKey, chunkTranscriptKey, sessionPrefix } from '../core/contracts/keys.ts';
import { INDEXES } from '../core/contracts/rows.ts';
import { clientEnv, freePort, startEmulator } from '../host/emulator.ts';
import { folders as foldersOf, PROJECT } from '../host/paths.ts';
import { dynamoChunkStore } from '../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoSessionStore } from '../lambdas/adapters/dynamo-session-store.ts';
import { s3BucketListing, s3CanonicalResults } from '../lambdas/adapters/s3-batch.ts';
import { s3ChunkObjects } from '../lambdas/adapters/s3-objects.ts';

const Bucket = 'bench-scan';
const USERS = 20;
const CHUNKS = 2;
const PARALLEL_REQUESTS = 16;
const MISSING_EVERY = 10;

async function makeTable(
  db: DynamoDBClient,
  name: string,
  keys: readonly [string, 'S' | 'N'][],
  index?: [string, string, string],
) {
  const [indexName, hash, range] = index ?? [];
  const attributes: [string, 'S' | 'N'][] = [
    ...keys,
    ...(hash && range
      ? ([
          [hash, 'S'],
          [range, 'N'],
        ] as [string, 'S' | 'N'][])
      : []),
  ];
  const schema = (names: readonly string[]) =>
    names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? ('HASH' as const) : ('RANGE' as const) }));
  await db.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: attributes.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: schema(keys.map(([key]) => key)),
      ...(indexName &&
        hash &&
        range && {
          GlobalSecondaryIndexes: [
            { IndexName: indexName, KeySchema: schema([hash, range]), Projection: { ProjectionType: 'ALL' } },
          ],
        }),
    }),
  );
}

/** Measures at every size, in ascending order. */
export async function scanFigures(sizes: readonly number[]) {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const emulator = await startEmulator(foldersOf(root), await freePort(0));
  Object.assign(process.env, clientEnv(emulator));
  const requests = { count: 0 };
  const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 5 });
  const client = new DynamoDBClient();
  const counted = <Args>(args: Args): Args => {
    requests.count += 1;
    return args;
  };
  s3.middlewareStack.add((next) => (args) => next(counted(args)), { step: 'finalizeRequest' });
  client.middlewareStack.add((next) => (args) => next(counted(args)), { step: 'finalizeRequest' });
  const db = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  try {
    await s3.send(new CreateBucketCommand({ Bucket }));
    await makeTable(
      client,
      'chunks',
      [
        ['session_id', 'S'],
        ['chunk_number', 'N'],
      ],
      [INDEXES.chunksPending, 'pending_shard', 'uploaded_at_ms'],
    );
    await makeTable(client, 'sessions', [['session_id', 'S']]);
    const figures: Awaited<ReturnType<typeof figuresOf>>[] = [];
    let created = 0;
    for (const size of [...sizes].sort((a, b) => a - b)) {
      const added = Array.from({ length: size - created }, (_, i) => placeOf(created + i));
      await pMap(added, (place) => record(s3, db, place), { concurrency: PARALLEL_REQUESTS });
      created = size;
      figures.push(await figuresOf(s3, db, size, requests));
      console.log(figures.at(-1));
    }
    return figures;
  } finally {
    await emulator.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Seconds and requests of one scan of `size` sessions, and of one listing per session. */
async function figuresOf(s3: S3Client, db: DynamoDBDocumentClient, size: number, requests: { count: number }) {
  const deps = {
    sessions: dynamoSessionStore(db, 'sessions'),
    chunks: dynamoChunkStore(db, 'chunks'),
    objects: s3ChunkObjects(s3, Bucket),
    queue: { send: async () => undefined, sendMany: async () => undefined },
    wake: async () => undefined,
    nowMs: Date.now,
    bucket: s3BucketListing(s3, Bucket),
    canonical: s3CanonicalResults(s3, Bucket),
  };
  const failed = async (_id: string, error: unknown): Promise<never> => {
    throw error;
  };
  const unlimited = { nowMs: Date.now, untilMs: Number.MAX_SAFE_INTEGER, failed };
  requests.count = 0;
  const startedMs = Date.now();
  const found = await scan(deps, { isDry: true, onProgress: async () => undefined }, unlimited);
  const [seconds, scanRequests] = [(Date.now() - startedMs) / 1000, requests.count];
  if (found.sessions !== size || found.missing.length !== Math.ceil(size / MISSING_EVERY))
    throw new Error(`found ${found.missing.length} in ${found.sessions} sessions`);

  requests.count = 0;
  const peerMs = Date.now();
  await pMap(
    Array.from({ length: size }, (_, n) => placeOf(n)),
    async (place) => {
      await s3.send(new ListObjectsV2Command({ Bucket, Prefix: sessionPrefix(place) }));
    },
    { concurrency: PARALLEL_REQUESTS },
  );
  return {
    sessions: size,
    seconds,
    requests: scanRequests,
    missing: found.missing.length,
    perSessionSeconds: (Date.now() - peerMs) / 1000,
    perSessionRequests: requests.count,
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

async function record(s3: S3Client, db: DynamoDBDocumentClient, { isMissing, ...place }: Place): Promise<void> {
  const put = async (Key: string, Body: string) =>
    (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).ETag?.replaceAll('"', '');
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
