/** Access to the host under test: clients, tables, machines and processes. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import * as z from 'zod';
import { ChunkRow, type InstanceRow, type PoolRow } from '../../core/contracts/rows.ts';
import { clientEnv } from '../../host/emulator.ts';
import { poll } from '../../host/poll.ts';
import { type AudioChunk, cutRecording, recordingClient, uniqueCopy } from '../../host/recording-client.ts';
import { documentClient } from '../../lambdas/adapters/clients.ts';
import { dynamoFleetStore } from '../../lambdas/adapters/dynamo-fleet-store.ts';
import { ec2Machines } from '../../lambdas/adapters/ec2-machines.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';

export const host = inject('host');
Object.assign(process.env, clientEnv(host));

export const output = (name: string): string => {
  const value = host.outputs[name];
  if (value === undefined) throw new Error(`no output ${name}`);
  return value;
};
export const db = documentClient();
export const s3 = new S3Client({ forcePathStyle: true });
const machines = ec2Machines();
const fleet = dynamoFleetStore(db, output('FleetTable'));

export const userA = recordingClient(host.apiUrl, host.tokens.a);
export const userB = recordingClient(host.apiUrl, host.tokens.b);
export const admin = recordingClient(host.apiUrl, host.tokens.admin);

export const SAMPLE = join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm');
/** The sample recording in independently decodable chunks of this length, with unique bytes. */
export const sampleChunks = (seconds = 30, overlapSeconds = 0): AudioChunk[] =>
  cutRecording(SAMPLE, mkdtempSync(join(host.temporary, 'test-')), seconds, overlapSeconds).map(uniqueCopy);
export const knownWords = (): string[] =>
  z
    .object({ words: z.array(z.object({ word: z.string() })) })
    .parse(JSON.parse(readFileSync(SAMPLE.replace('.webm', '.json'), 'utf8')))
    .words.map(({ word }) => word);

export const bytes = (content: string | Buffer, contentType = 'audio/webm'): AudioChunk => ({
  bytes: Buffer.from(content),
  contentType,
  seconds: 30,
});

export async function chunkRows(sessionId: string): Promise<ChunkRow[]> {
  const { Items = [] } = await db.send(
    new QueryCommand({
      TableName: output('ChunksTable'),
      KeyConditionExpression: 'session_id = :s',
      ExpressionAttributeValues: { ':s': sessionId },
      ConsistentRead: true,
    }),
  );
  return Items.map((item) => ChunkRow.parse(item));
}

export async function readObject(key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: output('BucketName'), Key: key }));
  return (await Body?.transformToString()) ?? '';
}

export async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: output('BucketName'), Prefix: prefix, ContinuationToken: token }),
    );
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

export const instanceIds = output('InstanceIds').split(',');
/** EC2 states of the pool's machines. */
export const machineStates = async (): Promise<string[]> => (await machines.describe(instanceIds)).map(({ state }) => state);
export const allStopped = async (): Promise<boolean> => (await machineStates()).every((state) => state === 'stopped');
export const instanceRows = (): Promise<InstanceRow[]> => Promise.all(instanceIds.map((id) => fleet.readInstance(id)));
export const poolRow = (): Promise<PoolRow> => fleet.readPool();

/** Process id of the running worker of a machine, from the host's note. */
export async function workerPid(instanceId?: string): Promise<number> {
  return poll('a worker process', 60, async () => {
    const note = readdirSync(join(host.root, 'run')).find((name) => name.startsWith(`worker-${instanceId ?? ''}`));
    return note === undefined
      ? undefined
      : z.object({ pid: z.number() }).safeParse(JSON.parse(readFileSync(join(host.root, 'run', note), 'utf8'))).data?.pid;
  });
}

export const settled =
  (count: number) =>
  (session: { chunks: readonly { state: string }[] }): boolean =>
    session.chunks.length === count && session.chunks.every(({ state }) => state === 'done' || state === 'dead');

/** Leases younger than this have most of their work still ahead. */
const NEW_LEASE_MS = 400;
const justClaimed = ({ state, lease_until_ms }: ChunkRow): boolean =>
  state === 'leased' && (lease_until_ms ?? 0) > Date.now() + host.leaseSeconds * 1000 - NEW_LEASE_MS;

export { uniqueCopy };

/** Uploads the sample in short chunks, and returns when the worker has just claimed some of them. */
export async function sessionInTheMiddle(seconds = 10): Promise<{ id: string; count: number }> {
  const { id } = await userA.createSession();
  const chunks = sampleChunks(seconds);
  for (const [i, chunk] of chunks.entries()) await userA.upload(id, i + 1, chunk);
  await poll('work in the middle', 60, async () => (await chunkRows(id)).some(justClaimed), 20);
  return { id, count: chunks.length };
}

/** Waits until all machines are stopped without holders and no run is active. */
export async function atRest(): Promise<void> {
  await poll(
    'the machines at rest',
    120,
    async () => {
      await reap(); // as the schedule does every minute
      const rows = await instanceRows();
      return (
        (await allStopped()) &&
        rows.every(({ state, holders }) => state === 'idle' && Object.keys(holders).length === 0) &&
        (await poolRow()).serving === undefined
      );
    },
    2000,
  );
}

/** Sets the earliest time of the next run, as if time had passed or runs had failed. */
export async function startAllowedFrom(ms: number): Promise<void> {
  await poll('the write', 10, async () => {
    const from = await fleet.readPool();
    const to = { ...from, next_start_at_ms: ms, waits_for: from.waits_for ?? 'failures', version: from.version + 1 };
    return (await fleet.commit({ pool: { from, to } })) === 'committed';
  });
}

/** Invokes the reaper, as its schedule does every minute. */
export async function reap(): Promise<void> {
  await invoke('ReaperName');
}

/** Invokes a function as its schedule does. @param name output with the function's name */
export async function invoke(name: string): Promise<void> {
  const { FunctionError } = await new LambdaClient().send(new InvokeCommand({ FunctionName: output(name) }));
  if (FunctionError !== undefined) throw new Error(`${name} failed`);
}
