import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { type HostOptions, type LocalHost, startLocalHost } from '../host/local-host.ts';
import { PROJECT } from '../host/paths.ts';
import { type RecordingClient, recordingClient } from '../host/recording-client.ts';
import { type Pool, signIn } from '../host/users.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';

export interface Bench {
  readonly host: LocalHost;
  /** The host's folder. */
  readonly root: string;
  readonly pool: Pool;
  /** Client of the demo user. */
  readonly client: RecordingClient;
}

/**
 * Runs a measurement on its own local host, which is stopped and removed afterwards. Defaults: the protocol model, and a machine
 * that stops after a minute without work.
 */
export async function onHost<T>(options: Partial<HostOptions>, run: (bench: Bench) => Promise<T>): Promise<T> {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const host = await startLocalHost({
    root,
    model: PROTOCOL_MODEL,
    idleSeconds: 60,
    onStep: () => undefined,
    log: () => undefined,
    ...options,
  });
  try {
    const pool = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
    const { access } = await signIn(pool, host.demo, 'admin');
    return await run({ host, root, pool, client: recordingClient(host.apiUrl, access) });
  } finally {
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

const ProcessNote = z.object({ pid: z.number() });

/** Process id of a worker of the host in this folder; undefined while none runs. */
export function workerPid(root: string): number | undefined {
  const name = readdirSync(join(root, 'run')).find((file) => file.startsWith('worker-'));
  return name === undefined ? undefined : ProcessNote.parse(JSON.parse(readFileSync(join(root, 'run', name), 'utf8'))).pid;
}
