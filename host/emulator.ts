/** The embedded AWS emulator as a process: loopback only, state kept in a folder. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EMULATOR_PYTHON, type Folders, PROJECT } from './paths.ts';
import { type Started, startProcess } from './processes.ts';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';
/** host/emulator/rights.py knows it too. */
const MACHINE_KEY = 'ASIAMACHINE000000000';
const READY_DEADLINE_MS = 60_000;
const POLL_MS = 50;

export interface Emulator {
  readonly endpoint: string;
  readonly process: Started;
}

/** Whoever deploys and looks after the stage: the emulator lets them do everything. */
export const OPERATOR = { accessKeyId: 'test', secretAccessKey: 'test' };

/** What every client of the emulator has in its environment. */
export const clientEnv = (endpoint: string): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_ACCESS_KEY_ID: OPERATOR.accessKeyId,
  AWS_SECRET_ACCESS_KEY: OPERATOR.secretAccessKey,
});

/** Environment of a machine's process: a key that stands for the machines' role, because the emulator refuses what no policy allows. */
export const machineEnv = (endpoint: string): Record<string, string> => ({
  ...clientEnv(endpoint),
  AWS_ACCESS_KEY_ID: MACHINE_KEY,
  AWS_SECRET_ACCESS_KEY: MACHINE_KEY,
  AWS_SESSION_TOKEN: MACHINE_KEY,
});

/** A port of the loopback interface: this one if it is free, else any. */
export const freePort = (wanted: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', () => (wanted === 0 ? reject(new Error('no free port')) : resolve(freePort(0))));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted));
    });
  });

/** Whether anybody answers there, and well. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}

export async function startEmulator(folders: Folders, port: number): Promise<Emulator> {
  const stateDir = join(folders.state, 'emulator');
  const dataDir = join(folders.state, 's3');
  for (const folder of [stateDir, dataDir, folders.logs, folders.temporary]) mkdirSync(folder, { recursive: true });
  // The emulator's own Node script is CommonJS; below the project it would be taken for a module.
  writeFileSync(join(folders.temporary, 'package.json'), '{"type":"commonjs"}');
  // Functions find their packages above the folder that they are unpacked in.
  const packages = join(folders.root, 'node_modules');
  if (!folders.root.startsWith(PROJECT) && !existsSync(packages)) symlinkSync(join(PROJECT, 'node_modules'), packages);
  const endpoint = `http://127.0.0.1:${port}`;
  const process_ = startProcess({
    name: 'emulator',
    command: EMULATOR_PYTHON,
    args: [join(PROJECT, 'host', 'emulator', 'launcher.py')],
    cwd: PROJECT,
    logFile: join(folders.logs, 'emulator.log'),
    runFolder: folders.run,
    env: {
      HOME: process.env['HOME'],
      // Functions run as `node` and custom resources as `python3`, both from here; below the project they find its packages.
      PATH: `${dirname(process.execPath)}:${dirname(EMULATOR_PYTHON)}:${process.env['PATH']}`,
      TMPDIR: folders.temporary,
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      MINISTACK_REGION: REGION,
      MINISTACK_ACCOUNT_ID: ACCOUNT,
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      LAMBDA_EXECUTOR: 'local',
      PERSIST_STATE: '1',
      S3_PERSIST: '1',
      STATE_DIR: stateDir,
      S3_DATA_DIR: dataDir,
      PYTHONUNBUFFERED: '1',
      FAULTS_FILE: folders.faults,
      AUTH: 'true',
    },
  });
  const deadlineMs = Date.now() + READY_DEADLINE_MS;
  while (!(await answers(`${endpoint}/_ministack/ready`))) {
    if (process_.child.exitCode !== null || Date.now() > deadlineMs) {
      await process_.stop();
      throw new Error(`the emulator did not start; see ${join(folders.logs, 'emulator.log')}`);
    }
    await wait(POLL_MS);
  }
  return { endpoint, process: process_ };
}
