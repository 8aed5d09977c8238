/** S3 and DynamoDB of the emulator alone, with counts of requests and bytes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, type ScalarAttributeType } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { clientEnv, freePort, startEmulator } from '../host/emulator.ts';
import { folders, PROJECT } from '../host/paths.ts';

/** Requests so far, and the bytes of their bodies in both directions. */
interface Counts {
  requests: number;
  bytes: number;
}

export interface CountedAws {
  readonly s3: S3Client;
  readonly db: DynamoDBDocumentClient;
  readonly bucket: string;
  readonly counts: Counts;
  /** Creates a table. `index`: name, partition key and numeric sort key of a secondary index. */
  makeTable(name: string, keys: readonly [string, 'S' | 'N'][], index?: readonly [string, string, string]): Promise<void>;
}

const Sent = z.object({ request: z.object({ body: z.unknown() }) });
const Received = z.object({ response: z.object({ headers: z.record(z.string(), z.string()) }) });
const sizeOf = (body: unknown): number => (typeof body === 'string' || body instanceof Uint8Array ? body.length : 0);

function count(counts: Counts, sent: unknown, received: unknown): void {
  counts.requests += 1;
  counts.bytes += sizeOf(Sent.parse(sent).request.body);
  counts.bytes += Number(Received.parse(received).response.headers['content-length'] ?? 0);
}

async function createTable(
  client: DynamoDBClient,
  name: string,
  keys: readonly [string, 'S' | 'N'][],
  index?: readonly [string, string, string],
): Promise<void> {
  const schema = (names: readonly string[]) =>
    names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? ('HASH' as const) : ('RANGE' as const) }));
  const [indexName, hash = '', range = ''] = index ?? [];
  const types: [string, ScalarAttributeType][] = [...keys];
  if (index !== undefined) types.push([hash, 'S'], [range, 'N']);
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: types.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: schema(keys.map(([key]) => key)),
      ...(index !== undefined && {
        GlobalSecondaryIndexes: [
          { IndexName: indexName, KeySchema: schema([hash, range]), Projection: { ProjectionType: 'ALL' } },
        ],
      }),
    }),
  );
}

/** Runs a measurement on an emulator with one empty bucket, which is removed afterwards. */
export async function onCountedAws<T>(run: (aws: CountedAws) => Promise<T>): Promise<T> {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const emulator = await startEmulator(folders(root), await freePort(0));
  Object.assign(process.env, clientEnv(emulator));
  const counts: Counts = { requests: 0, bytes: 0 };
  const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 5 });
  const client = new DynamoDBClient();
  const counted =
    <Args extends object, Result>(next: (args: Args) => Promise<Result>) =>
    async (args: Args): Promise<Result> => {
      const result = await next(args);
      count(counts, args, result);
      return result;
    };
  s3.middlewareStack.add(counted, { step: 'finalizeRequest' });
  client.middlewareStack.add(counted, { step: 'finalizeRequest' });
  const db = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const bucket = 'bench';
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    return await run({ s3, db, bucket, counts, makeTable: (...table) => createTable(client, ...table) });
  } finally {
    await emulator.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
