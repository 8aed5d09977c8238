/**
 * Starts the embedded AWS emulator (MiniStack) as a child process: loopback only, with its state in a folder.
 *
 * Steps: create the folders -> start host/emulator/launcher.py -> poll its readiness for up to a minute -> start it again whenever
 * its process ends. It restores its state. @see host/emulator/durable.py
 */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type AwsKey, type HomeKeys, keysOf } from './home-keys.ts';
import { EMULATOR_PYTHON, type Folders, isInProject, PROJECT } from './paths.ts';
import { type Started, startProcess } from './processes.ts';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';
const READY_DEADLINE_MS = 60_000;
const POLL_MS = 50;

export interface Emulator {
  readonly endpoint: string;
  /** The operator's access key. */
  readonly credentials: AwsKey;
  stop(): Promise<void>;
}

/** Called when the emulator's process has ended by itself, and when another one serves in its place. */
export interface EmulatorWatch {
  readonly onEnd: () => void;
  readonly onRestart: () => Promise<void>;
}

/** Environment for clients of the emulator. */
export const clientEnv = ({ endpoint, credentials }: Pick<Emulator, 'endpoint' | 'credentials'>): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
});

/** Environment of a machine's process. Its key maps to the machines' role, whose policies the emulator enforces. */
export const machineEnv = (endpoint: string, machine: HomeKeys['machine']): Record<string, string> => ({
  ...clientEnv({ endpoint, credentials: machine }),
  AWS_SESSION_TOKEN: machine.sessionToken,
});

/** Returns this loopback port if it is free, otherwise any free one. */
export const freePort = (wanted: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', () => (wanted === 0 ? reject(new Error('no free port')) : resolve(freePort(0))));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted));
    });
  });

const UNWATCHED: EmulatorWatch = { onEnd: () => undefined, onRestart: async () => undefined };

/** Generous, for a loaded machine. */
const RESPONSE_MS = 5000;

/** Whether the URL responds with a success status. */
export async function isResponding(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(RESPONSE_MS) })).ok;
  } catch {
    return false;
  }
}

/** Pause before an ended emulator is started again. */
const RESTART_MS = 500;

/** Starts the emulator and waits until it is ready. @param pagesPort port of the only origin that may call it; without it, none */
export async function startEmulator(
  folders: Folders,
  port: number,
  { onEnd, onRestart }: EmulatorWatch = UNWATCHED,
  pagesPort?: number,
): Promise<Emulator> {
  const endpoint = `http://127.0.0.1:${port}`;
  let current = startLauncher(folders, port, pagesPort);
  let isStopping = false;
  await ready(current, endpoint, folders);
  const watch = async (): Promise<void> => {
    while (!isStopping) {
      await current.exited;
      if (isStopping) return;
      onEnd();
      await wait(RESTART_MS);
      current = startLauncher(folders, port, pagesPort);
      await ready(current, endpoint, folders)
        .then(onRestart)
        .catch(() => undefined); // it has ended again
    }
  };
  void watch();
  return {
    endpoint,
    credentials: keysOf(folders.root).operator,
    async stop() {
      isStopping = true;
      await current.stop();
    },
  };
}

/** @throws Error if the emulator does not start */
async function ready(launcher: Started, endpoint: string, folders: Folders): Promise<void> {
  const deadlineMs = Date.now() + READY_DEADLINE_MS;
  while (!(await isResponding(`${endpoint}/_ministack/ready`))) {
    if (launcher.child.exitCode !== null || launcher.child.signalCode !== null || Date.now() > deadlineMs) {
      await launcher.stop();
      throw new Error(`the emulator did not start; see ${join(folders.logs, 'emulator.log')}`);
    }
    await wait(POLL_MS);
  }
}

function startLauncher(folders: Folders, port: number, pagesPort?: number): Started {
  const { operator, machine } = keysOf(folders.root);
  const stateDir = join(folders.state, 'emulator');
  const dataDir = join(folders.state, 's3');
  for (const folder of [stateDir, dataDir, folders.logs, folders.temporary]) mkdirSync(folder, { recursive: true });
  // The emulator's Node script is CommonJS; below the project, Node would treat it as an ES module.
  writeFileSync(join(folders.temporary, 'package.json'), '{"type":"commonjs"}');
  // Functions resolve their packages from folders above the one they are unpacked in.
  const packages = join(folders.root, 'node_modules');
  if (!isInProject(folders.root) && !existsSync(packages)) symlinkSync(join(PROJECT, 'node_modules'), packages);
  return startProcess({
    name: 'emulator',
    command: EMULATOR_PYTHON,
    args: [join(PROJECT, 'host', 'emulator', 'launcher.py')],
    cwd: PROJECT,
    logFile: join(folders.logs, 'emulator.log'),
    runFolder: folders.run,
    env: {
      HOME: process.env['HOME'],
      // Functions run with this `node`, custom resources with this `python3`.
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
      RUN_FOLDER: folders.run,
      ...(process.env['CHUNKSCRIBE_CONFLICTS'] && { CONFLICTS: process.env['CHUNKSCRIBE_CONFLICTS'] }),
      AUTH: 'true',
      AWS_ACCESS_KEY_ID: operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
      MACHINE_ACCESS_KEY_ID: machine.accessKeyId,
      MACHINE_SECRET_ACCESS_KEY: machine.secretAccessKey,
      MACHINE_SESSION_TOKEN: machine.sessionToken,
      ...(pagesPort !== undefined && { PAGES_PORT: String(pagesPort) }),
    },
  });
}
