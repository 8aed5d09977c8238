/** Starts one local host per test project, in its own folder, with a short idle time so that machines stop during tests. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { AwsKey } from '../../host/home-keys.ts';
import { startLocalHost } from '../../host/local-host.ts';
import { holdPort, servePages } from '../../host/page-server.ts';
import { folders, PROJECT } from '../../host/paths.ts';
import { signIn } from '../../host/users.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';
import { watchFleet } from './watch.ts';

export interface HostUnderTest {
  readonly root: string;
  readonly endpoint: string;
  readonly credentials: AwsKey;
  readonly apiUrl: string;
  /** Address of the pages. */
  readonly pagesUrl: string;
  /** The machines' metadata service. */
  readonly metadataUrl: string;
  /** Signs the admin in once. */
  readonly signInAddress: string;
  readonly temporary: string;
  readonly leaseSeconds: number;
  readonly outputs: Readonly<Record<string, string>>;
  /** Password of all users. */
  readonly password: string;
  /** Access tokens of two users and an admin; and the ID token of the first user. */
  readonly tokens: { readonly a: string; readonly aId: string; readonly b: string; readonly admin: string };
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly host: HostUnderTest;
  }
}

/** First ports by test project, so that concurrent hosts do not collide. */
const PORTS: Readonly<Record<string, number>> = { host: 4600, files: 4700, pages: 4800, machines: 4900, speech: 5000 };
/** A model that the stage offers but that cannot be loaded. */
const BROKEN_MODEL = 'no-such-model';
const IDLE_SECONDS = 2;
const PASSWORD = 'Test-password-1!';
/** One minute on AWS; shorter here, so that the work of a killed worker is claimed sooner. */
const TEST_LEASE_SECONDS = 10;

/** Settings of a test project. */
interface Choices {
  /** Folder of the worker's model. @default the protocol model */
  readonly model?: string;
  /** @default 2 */
  readonly machines?: number;
  readonly workerEnv?: Readonly<Record<string, string>>;
}

export default (project: TestProject): Promise<() => Promise<void>> => startHost(project, {});

/** Starts the host and provides it to the project's tests; returns the teardown. */
export async function startHost(project: TestProject, choices: Choices): Promise<() => Promise<void>> {
  const { model = PROTOCOL_MODEL, machines = 2 } = choices;
  const root = mkdtempSync(join(PROJECT, '.local', 'host-tests-'));
  chmodSync(root, 0o755); // like homes of earlier versions
  const { state } = folders(root);
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, 'port'), String(PORTS[project.name]));
  const log = (line: string): void => console.log(`[host] ${line}`);
  const held = await holdPort((PORTS[project.name] ?? 0) + 50);
  const host = await startLocalHost({
    root,
    pagesPort: held.port,
    model,
    idleSeconds: IDLE_SECONDS,
    context: { poolSize: String(machines), models: BROKEN_MODEL, knownVoices: 'true' },
    workerEnv: { LEASE_SECONDS: String(TEST_LEASE_SECONDS), ...choices.workerEnv },
    onStep: (title, s) => log(`${title} ${s.toFixed(1)} s`),
    log,
  });
  const pool = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
  const user = (name: string, group?: string) => signIn(pool, { email: `${name}@example.com`, password: PASSWORD }, group);
  const [a, b, admin] = [await user('a'), await user('b'), await user('admin', 'admin')];
  // New machines run after a deployment, as on AWS. Stop them.
  await fetch(`${host.apiUrl}/api/gpu/stop`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin.access}`, 'content-type': 'application/json' },
    body: JSON.stringify({ force: true }),
  }).then((answer) => {
    if (!answer.ok) throw new Error(`the machines cannot be stopped: ${answer.status}`);
  });
  const pages = await servePages({ held, host, demo: { email: 'admin@example.com', password: PASSWORD } });
  project.provide('host', {
    root,
    endpoint: host.endpoint,
    credentials: host.credentials,
    apiUrl: host.apiUrl,
    pagesUrl: `http://127.0.0.1:${held.port}`,
    metadataUrl: host.ec2.metadataUrl,
    signInAddress: pages.signInAddress,
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
