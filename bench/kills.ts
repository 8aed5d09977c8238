/**
 * Recovery: the worker of a local host is killed with SIGKILL at random times while one recording comes in. Counts chunks that
 * were lost, or transcribed and paid twice.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { startLocalHost } from '../host/local-host.ts';
import { DEMO_MODEL, PROJECT } from '../host/paths.ts';
import { cutRecording, recordingClient, unlikeOthers } from '../host/recording-client.ts';
import { DEMO_USER, signIn } from '../host/users.ts';

const LEASE_SECONDS = 3;
/** A chunk comes this often, as from a recorder that hurries; a worker lives for up to this long. */
const CHUNK_MS = 2000;
const LONGEST_LIFE_MS = 8000;
const CHUNK_SECONDS = 10;

export interface Kills {
  readonly kills: number;
  readonly killedInWork: number;
  readonly chunks: number;
  readonly lost: number;
  readonly twice: number;
  readonly seconds: number;
}

interface Row {
  readonly chunk_number: number;
  readonly state: string;
  readonly fence: number;
}

async function scan(db: DynamoDBDocumentClient, table: string): Promise<Record<string, unknown>[]> {
  return (await db.send(new ScanCommand({ TableName: table, ConsistentRead: true }))).Items ?? [];
}

/** A seeded generator, so that a run can be had again (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function kills(count: number, seed: number): Promise<Kills> {
  const startedMs = Date.now();
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const random = randomFrom(seed);
  const host = await startLocalHost({
    root,
    model: DEMO_MODEL,
    idleSeconds: 20,
    workerEnv: { LEASE_SECONDS: String(LEASE_SECONDS) },
    onStep: () => undefined,
    log: () => undefined,
  });
  try {
    const note = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
    const client = recordingClient(host.apiUrl, (await signIn(note, DEMO_USER)).access);
    const db = DynamoDBDocumentClient.from(new DynamoDBClient());
    const pieces = cutRecording(join(DEMO_MODEL, 'samples', 'sample-125s.webm'), mkdtempSync(join(root, 'cut-')), CHUNK_SECONDS);
    const { id } = await client.createSession({ title: 'Kills' });
    const rows = async (): Promise<Row[]> => (await scan(db, host.output('ChunksTable'))) as unknown as Row[];

    let killed = 0;
    let killedInWork = 0;
    let uploaded = 0;
    const recording = (async () => {
      while (killed < count) {
        const piece = pieces[uploaded % pieces.length];
        if (piece !== undefined) await client.upload(id, ++uploaded, unlikeOthers(piece));
        await wait(CHUNK_MS);
      }
    })();
    const pidOf = (): number | undefined => {
      const name = readdirSync(join(root, 'run')).find((file) => file.startsWith('worker-'));
      return name === undefined ? undefined : JSON.parse(readFileSync(join(root, 'run', name), 'utf8')).pid;
    };
    while (killed < count) {
      await wait(random() * LONGEST_LIFE_MS);
      const isWorking = (await rows()).some(({ state }) => state === 'leased');
      try {
        const pid = pidOf();
        if (pid === undefined) continue;
        process.kill(pid, 'SIGKILL');
      } catch {
        continue; // it has just ended
      }
      killed += 1;
      if (isWorking) killedInWork += 1;
      if (killed % 20 === 0) console.log(`  ${killed} kills, ${uploaded} chunks`);
    }
    await recording;
    await client.complete(id, uploaded);
    await client.awaitTranscript(id, 300);
    const all = await rows();
    const usages = (await scan(db, host.output('LedgerTable'))).filter(({ session_id }) => session_id === id);
    const perChunk = new Map<unknown, number>();
    for (const { chunk_number } of usages) perChunk.set(chunk_number, (perChunk.get(chunk_number) ?? 0) + 1);
    return {
      kills: killed,
      killedInWork,
      chunks: uploaded,
      lost: uploaded - all.filter(({ state }) => state === 'done').length,
      twice: [...perChunk.values()].filter((times) => times > 1).length,
      seconds: Math.round((Date.now() - startedMs) / 1000),
    };
  } finally {
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
