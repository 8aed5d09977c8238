/** One local host for all host-level tests, in a folder of its own; a short idle time, so that stops are seen. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort } from '../../host/emulator.ts';
import { startLocalHost } from '../../host/local-host.ts';
import { servePages } from '../../host/page-server.ts';
import { DEMO_MODEL, folders, PROJECT } from '../../host/paths.ts';
import { signIn } from '../../host/users.ts';
import { watchFleet } from './watch.ts';

export interface HostUnderTest {
  readonly root: string;
  readonly endpoint: string;
  readonly apiUrl: string;
  /** Address of the pages. */
  readonly pagesUrl: string;
  readonly temporary: string;
  readonly leaseSeconds: number;
  readonly outputs: Readonly<Record<string, string>>;
  /** Of everybody. */
  readonly password: string;
  /** Access tokens of two users and an admin; and the ID token of the first user. */
  readonly tokens: { readonly a: string; readonly aId: string; readonly b: string; readonly admin: string };
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly host: HostUnderTest;
  }
}

/** Hosts that start at the same time do not look for the same port. */
const PORTS: Readonly<Record<string, number>> = { host: 4600, files: 4700, pages: 4800, machines: 4900 };
/** A model that the stage offers and nobody can load. */
const BROKEN_MODEL = 'no-such-model';
const IDLE_SECONDS = 2;
const PASSWORD = 'Test-password-1!';
/** A minute on AWS: what a killed worker held is taken over sooner here. */
const TEST_LEASE_SECONDS = 10;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = mkdtempSync(join(PROJECT, '.local', 'host-tests-'));
  const { state } = folders(root);
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, 'port'), String(PORTS[project.name]));
  const log = (line: string): void => console.log(`[host] ${line}`);
  const host = await startLocalHost({
    root,
    model: DEMO_MODEL,
    idleSeconds: IDLE_SECONDS,
    context: { poolSize: '2', models: BROKEN_MODEL },
    workerEnv: { LEASE_SECONDS: String(TEST_LEASE_SECONDS) },
    onStep: (title, s) => log(`${title} ${s.toFixed(1)} s`),
    log,
  });
  const pool = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
  const user = (name: string, group?: string) => signIn(pool, { email: `${name}@example.com`, password: PASSWORD }, group);
  const [a, b, admin] = [await user('a'), await user('b'), await user('admin', 'admin')];
  // New machines run, as on AWS after a deployment, until somebody needs them or their time is over: not here.
  await fetch(`${host.apiUrl}/api/gpu/stop`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin.access}`, 'content-type': 'application/json' },
    body: JSON.stringify({ force: true }),
  }).then((answer) => {
    if (!answer.ok) throw new Error(`the machines cannot be stopped: ${answer.status}`);
  });
  const port = await freePort((PORTS[project.name] ?? 0) + 50);
  const pages = await servePages({ port, host, demo: { email: 'admin@example.com', password: PASSWORD } });
  project.provide('host', {
    root,
    endpoint: host.endpoint,
    apiUrl: host.apiUrl,
    pagesUrl: `http://127.0.0.1:${port}`,
    temporary: host.folders.temporary,
    outputs: host.outputs,
    password: PASSWORD,
    leaseSeconds: TEST_LEASE_SECONDS,
    tokens: { a: a.access, aId: a.id, b: b.access, admin: admin.access },
  });
  const unwatch = watchFleet({ outputs: host.outputs, file: join(root, 'violations.txt'), faults: host.folders.faults });
  return async () => {
    await unwatch();
    await pages.stop();
    await host.stop();
    if (process.env['KEEP_HOST_LOGS'] === undefined) rmSync(root, { recursive: true, force: true });
  };
}
