/**
 * Recovery: kills the worker of a local host with SIGKILL at random times during one recording. Counts the chunks that were
 * lost, or transcribed and billed twice.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { cutRecording, type RecordingClient, uniqueCopy } from '../host/recording-client.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { onHost, workerPid } from './on-host.ts';

const LEASE_SECONDS = 3;
/** Interval of the uploads. */
const CHUNK_MS = 2000;
/** Longest time between two kills. */
const MAX_LIFE_MS = 8000;
const CHUNK_SECONDS = 10;

/** A chunk row, or a usage row of the ledger, which has no state. */
const Row = z.object({ session_id: z.string().optional(), chunk_number: z.number().optional(), state: z.string().optional() });
type Row = z.infer<typeof Row>;

/** A seeded random generator (mulberry32), so that a run can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The host whose worker is killed. */
interface Target {
  /** The host's folder. */
  readonly root: string;
  readonly client: RecordingClient;
  readonly chunksTable: string;
  readonly ledgerTable: string;
}

/** Runs `killsOn` on its own local host. */
export const kills = (count: number, seed: number) =>
  onHost({ idleSeconds: 20, workerEnv: { LEASE_SECONDS: String(LEASE_SECONDS) } }, ({ host, root, client }) =>
    killsOn({ root, client, chunksTable: host.output('ChunksTable'), ledgerTable: host.output('LedgerTable') }, count, seed),
  );

/**
 * Kills the worker `count` times during one recording, then waits for its transcript. Returns among others the number of chunks
 * without a result (`lost`) and of chunks that were transcribed more than once (`twice`).
 */
export async function killsOn({ root, client, chunksTable, ledgerTable }: Target, count: number, seed: number) {
  const startedMs = Date.now();
  const random = randomFrom(seed);
  const db = DynamoDBDocumentClient.from(new DynamoDBClient());
  const sample = join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm');
  const pieces = cutRecording(sample, mkdtempSync(join(root, 'cut-')), CHUNK_SECONDS);
  const { id } = await client.createSession({ title: 'Kills' });
  const rowsOf = async (table: string): Promise<Row[]> => {
    const rows: Row[] = [];
    for await (const { Items } of paginateScan({ client: db }, { TableName: table, ConsistentRead: true }))
      rows.push(...z.array(Row).parse(Items ?? []));
    return rows.filter(({ session_id }) => session_id === id);
  };

  let killed = 0;
  let killedInWork = 0;
  let uploaded = 0;
  const recording = (async () => {
    while (killed < count) {
      const piece = pieces[uploaded % pieces.length];
      if (piece !== undefined) await client.upload(id, ++uploaded, uniqueCopy(piece));
      await wait(CHUNK_MS);
    }
  })();
  while (killed < count) {
    await wait(random() * MAX_LIFE_MS);
    const isWorking = (await rowsOf(chunksTable)).some(({ state }) => state === 'leased');
    try {
      const pid = workerPid(root);
      if (pid === undefined) continue;
      process.kill(pid, 'SIGKILL');
    } catch {
      continue; // the process has just ended
    }
    killed += 1;
    if (isWorking) killedInWork += 1;
    if (killed % 20 === 0) console.log(`  ${killed} kills, ${uploaded} chunks`);
  }
  await recording;
  await client.complete(id, uploaded);
  await client.awaitTranscript(id, 300);
  const all = await rowsOf(chunksTable);
  const usages = await rowsOf(ledgerTable);
  const perChunk = new Map<number | undefined, number>();
  for (const { chunk_number } of usages) perChunk.set(chunk_number, (perChunk.get(chunk_number) ?? 0) + 1);
  return {
    kills: killed,
    killedInWork,
    chunks: uploaded,
    lost: uploaded - all.filter(({ state }) => state === 'done').length,
    twice: [...perChunk.values()].filter((times) => times > 1).length,
    seconds: Math.round((Date.now() - startedMs) / 1000),
  };
}
