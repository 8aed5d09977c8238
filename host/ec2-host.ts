/**
 * Runs one worker process for each running instance of the emulator, in place of EC2 and systemd.
 *
 * Steps per instance, every WATCH_MS: running without a worker -> start one (after `boot_seconds`); no heartbeat -> SIGKILL; worker
 * exited -> note how in `last-end`, restart after RESTART_MS; stopped -> SIGTERM and remove the runtime folder.
 *
 * It also provides the environment from the same SSM parameter, spot notices, and a command that stops the machine from inside.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { machineEnv } from './emulator.ts';
import { refusal } from './guard.ts';
import { keysOf } from './home-keys.ts';
import { type Folders, PROJECT, WORKER_PYTHON } from './paths.ts';
import { type Started, startProcess } from './processes.ts';
import { lastHeartbeat, workerWatch } from './worker-watch.ts';

const WATCH_MS = 250;
const RESTART_MS = 1000;

export interface Ec2HostOptions {
  readonly folders: Folders;
  readonly endpoint: string;
  readonly instanceIds: readonly string[];
  readonly configName: string;
  /** Environment entries that override the stage's configuration, such as model and device. */
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface Ec2Host {
  /** Address of the emulated instance metadata service. */
  readonly metadataUrl: string;
  stop(): Promise<void>;
}

/** Fields of the tests' fault file that apply to machines; the emulator reads the others. */
const Faults = z.object({
  /** Delay from a running instance to the start of its worker. */
  boot_seconds: z.number().default(0),
  spot_notice: z.array(z.string()).default([]),
});
const faultsIn = (file: string): z.infer<typeof Faults> =>
  Faults.parse(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});

/** Serves the metadata of each machine below /<instance id>: a session token and the spot interruption notice. */
function serveMetadata(faultsFile: string): Server {
  const server = createServer((request, response) => {
    const [, instanceId = '', ...path] = (request.url ?? '').split('/');
    const isNoticePath = path.join('/') === 'latest/meta-data/spot/instance-action';
    const isNotice = isNoticePath && faultsIn(faultsFile).spot_notice.includes(instanceId);
    const refused = refusal(request, request.socket.localPort ?? 0);
    response.statusCode = refused ?? (request.method === 'PUT' || isNotice ? 200 : 404);
    response.end(refused !== undefined ? undefined : isNotice ? '{"action":"stop"}' : 'token');
  });
  return server.listen(0, '127.0.0.1').unref();
}

/** Starts the worker process of an instance, with the environment that systemd would give it. */
async function boot(
  { folders, endpoint, configName, workerEnv }: Ec2HostOptions,
  ssm: SSMClient,
  instanceId: string,
  machine: { readonly runtimeFolder: string; readonly metadataUrl: string },
): Promise<Started> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: configName }));
  // This machine has its own code, and a GPU or none.
  const {
    BUNDLE: _bundle,
    CONTRACT: _contract,
    DEVICE: _device,
    ...config
  } = z.record(z.string(), z.string()).parse(JSON.parse(Parameter?.Value ?? '{}'));
  const poweroff = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(PROJECT, 'host', 'poweroff.ts'),
    instanceId,
    folders.root,
  ];
  mkdirSync(machine.runtimeFolder, { recursive: true });
  return startProcess({
    name: `worker-${instanceId}`,
    command: WORKER_PYTHON,
    args: ['-m', 'gpu_worker', 'work'],
    cwd: PROJECT,
    logFile: join(folders.logs, 'worker.log'),
    runFolder: folders.run,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...(process.env['CHUNKSCRIBE_MODELS'] && { CHUNKSCRIBE_MODELS: process.env['CHUNKSCRIBE_MODELS'] }),
      TMPDIR: folders.temporary,
      PYTHONPATH: join(PROJECT, 'gpu-worker', 'src'),
      PYTHONUNBUFFERED: '1',
      POWEROFF_COMMAND: poweroff.map((part) => `'${part}'`).join(' '),
      INSTANCE_ID: instanceId,
      RUNTIME_DIRECTORY: machine.runtimeFolder,
      METADATA_ENDPOINT: machine.metadataUrl,
      ...config,
      ...machineEnv(endpoint, keysOf(folders.root).machine),
      ...workerEnv,
    },
  });
}

/** Runs one worker per running instance until it is stopped. */
export function startEc2Host(options: Ec2HostOptions): Ec2Host {
  const { folders, endpoint, instanceIds, log } = options;
  const ec2 = new EC2Client({ endpoint });
  const ssm = new SSMClient({ endpoint });
  const ending = new AbortController();
  const workers = new Map<string, Started>();
  const watches = new Map<string, () => boolean>();
  /** Workers that were killed because of a missing heartbeat. */
  const frozen = new Set<Started>();
  const upSinceMs = new Map<string, number>();
  const metadata = serveMetadata(folders.faults);

  const metadataUrl = (): string => {
    const address = metadata.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  };

  /** Stands for /run: survives a worker restart, but not a stopped machine. */
  const runtimeFolderOf = (instanceId: string): string => join(folders.temporary, `run-${instanceId}`);
  for (const instanceId of instanceIds) rmSync(runtimeFolderOf(instanceId), { recursive: true, force: true });

  async function runningInstances(): Promise<ReadonlySet<string>> {
    // A call by ids fails if one of the machines is terminated.
    const byId = { Filters: [{ Name: 'instance-id', Values: [...instanceIds] }] };
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(byId));
    const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
    return new Set(instances.filter(({ State }) => State?.Name === 'running').map(({ InstanceId = '' }) => InstanceId));
  }

  /** Notes how a worker has ended, and lets the next one start after a pause. */
  async function noteEnd(instanceId: string, worker: Started): Promise<void> {
    const { exitCode, signalCode } = worker.child;
    const cause = frozen.delete(worker) ? 'watchdog' : 'signal';
    const lastEnd = signalCode === null ? `exit-code ${exitCode}` : `${cause} ${signalCode.replace('SIG', '')}`;
    const runtimeFolder = runtimeFolderOf(instanceId);
    if (existsSync(runtimeFolder)) writeFileSync(join(runtimeFolder, 'last-end'), lastEnd);
    await wait(RESTART_MS);
    if (workers.get(instanceId) === worker) workers.delete(instanceId);
  }

  async function startWorker(instanceId: string): Promise<void> {
    if (Date.now() < (upSinceMs.get(instanceId) ?? 0) + faultsIn(folders.faults).boot_seconds * 1000) return;
    const runtimeFolder = runtimeFolderOf(instanceId);
    const machine = { runtimeFolder, metadataUrl: `${metadataUrl()}/${instanceId}` };
    const worker = await boot(options, ssm, instanceId, machine);
    workers.set(instanceId, worker);
    watches.set(
      instanceId,
      workerWatch(() => lastHeartbeat(runtimeFolder)),
    );
    log(`instance ${instanceId} runs: worker ${worker.child.pid}`);
    void worker.exited.then(() => noteEnd(instanceId, worker));
  }

  function killFrozen(instanceId: string, worker: Started): void {
    if (watches.get(instanceId)?.() !== true) return;
    watches.delete(instanceId);
    frozen.add(worker);
    log(`instance ${instanceId}: worker ${worker.child.pid} sent no heartbeat and is killed`);
    worker.child.kill('SIGKILL');
  }

  async function stopWorker(instanceId: string, worker: Started): Promise<void> {
    await worker.stop();
    workers.delete(instanceId);
    rmSync(runtimeFolderOf(instanceId), { recursive: true, force: true });
    log(`instance ${instanceId} stopped`);
  }

  async function reconcileInstance(instanceId: string, isUp: boolean): Promise<void> {
    const worker = workers.get(instanceId);
    if (isUp) {
      if (!upSinceMs.has(instanceId)) upSinceMs.set(instanceId, Date.now());
      if (worker === undefined) await startWorker(instanceId);
      else killFrozen(instanceId, worker);
    } else {
      upSinceMs.delete(instanceId);
      if (worker !== undefined) await stopWorker(instanceId, worker);
    }
  }

  async function reconcile(): Promise<void> {
    const up = await runningInstances();
    await Promise.all(instanceIds.map((instanceId) => reconcileInstance(instanceId, up.has(instanceId))));
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await reconcile().catch((error: Error) => log(`ec2 host: ${error.message}`));
      await wait(WATCH_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();

  return {
    get metadataUrl() {
      return metadataUrl();
    },
    async stop() {
      ending.abort();
      await watching;
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      metadata.close();
    },
  };
}
