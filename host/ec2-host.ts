/**
 * The machines of the emulator made real: a running instance has a worker process, a stopped one has none.
 *
 * It does what EC2 and systemd do for the worker: environment from the same SSM parameter, SIGTERM on stop, a restart after it
 * ends, notices of spot machines, and a way to switch the machine off from inside.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { machineEnv } from './emulator.ts';
import { type Folders, PROJECT, WORKER_PYTHON } from './paths.ts';
import { type Started, startProcess } from './processes.ts';

const WATCH_MS = 250;
const RESTART_MS = 1000;

export interface Ec2HostOptions {
  readonly folders: Folders;
  readonly endpoint: string;
  readonly instanceIds: readonly string[];
  readonly configName: string;
  /** Environment entries that stand for what differs on this machine: model and device. */
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface Ec2Host {
  stop(): Promise<void>;
}

/** The part of the tests' control file that is the machines' own; the emulator reads the rest. */
const Faults = z.object({
  /** Time from a running machine to a worker. */
  boot_seconds: z.number().default(0),
  spot_notice: z.array(z.string()).default([]),
});
const faultsIn = (file: string): z.infer<typeof Faults> =>
  Faults.parse(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});

/** What EC2's metadata service says below /<instance id>: whether the machine will be taken away. */
function serveMetadata(faultsFile: string): Server {
  const server = createServer((request, response) => {
    const [, instanceId = '', ...path] = (request.url ?? '').split('/');
    const asksForNotice = path.join('/') === 'latest/meta-data/spot/instance-action';
    const isNotice = asksForNotice && faultsIn(faultsFile).spot_notice.includes(instanceId);
    response.statusCode = request.method === 'PUT' || isNotice ? 200 : 404;
    response.end(isNotice ? '{"action":"stop"}' : 'token');
  });
  return server.listen(0, '127.0.0.1').unref();
}

export function startEc2Host(options: Ec2HostOptions): Ec2Host {
  const { folders, endpoint, instanceIds, log } = options;
  const ec2 = new EC2Client({ endpoint });
  const ssm = new SSMClient({ endpoint });
  const ending = new AbortController();
  const workers = new Map<string, Started>();
  const upSinceMs = new Map<string, number>();
  const metadata = serveMetadata(folders.faults);

  /** Like /run: it outlives a worker, and is gone after the machine was off. */
  const runtimeFolder = (instanceId: string): string => join(folders.temporary, `run-${instanceId}`);
  for (const instanceId of instanceIds) rmSync(runtimeFolder(instanceId), { recursive: true, force: true });

  async function running(): Promise<ReadonlySet<string>> {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...instanceIds] }));
    const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
    return new Set(instances.filter(({ State }) => State?.Name === 'running').map(({ InstanceId = '' }) => InstanceId));
  }

  async function boot(instanceId: string): Promise<Started> {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: options.configName }));
    const { BUNDLE: _bundle, ...config } = z.record(z.string(), z.string()).parse(JSON.parse(Parameter?.Value ?? '{}'));
    const poweroff = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(PROJECT, 'host', 'poweroff.ts'),
      instanceId,
    ];
    mkdirSync(runtimeFolder(instanceId), { recursive: true });
    const address = metadata.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
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
        TMPDIR: folders.temporary,
        PYTHONPATH: join(PROJECT, 'gpu-worker', 'src'),
        PYTHONUNBUFFERED: '1',
        POWEROFF_COMMAND: poweroff.map((part) => `'${part}'`).join(' '),
        INSTANCE_ID: instanceId,
        RUNTIME_DIRECTORY: runtimeFolder(instanceId),
        METADATA_ENDPOINT: `http://127.0.0.1:${port}/${instanceId}`,
        ...config,
        ...machineEnv(endpoint),
        ...options.workerEnv,
      },
    });
  }

  async function step(instanceId: string, isUp: boolean): Promise<void> {
    const worker = workers.get(instanceId);
    if (!isUp) upSinceMs.delete(instanceId);
    else if (!upSinceMs.has(instanceId)) upSinceMs.set(instanceId, Date.now());
    if (isUp && worker === undefined) {
      if (Date.now() < (upSinceMs.get(instanceId) ?? 0) + faultsIn(folders.faults).boot_seconds * 1000) return;
      const booted = await boot(instanceId);
      workers.set(instanceId, booted);
      log(`instance ${instanceId} runs: worker ${booted.child.pid}`);
      void booted.exited.then(async () => {
        const { exitCode, signalCode } = booted.child;
        const lastEnd = signalCode === null ? `exit-code ${exitCode}` : `signal ${signalCode.replace('SIG', '')}`;
        if (existsSync(runtimeFolder(instanceId))) writeFileSync(join(runtimeFolder(instanceId), 'last-end'), lastEnd);
        await wait(RESTART_MS);
        if (workers.get(instanceId) === booted) workers.delete(instanceId);
      });
    } else if (!isUp && worker !== undefined) {
      await worker.stop();
      workers.delete(instanceId);
      rmSync(runtimeFolder(instanceId), { recursive: true, force: true });
      log(`instance ${instanceId} stopped`);
    }
  }

  async function look(): Promise<void> {
    const up = await running();
    await Promise.all(instanceIds.map((instanceId) => step(instanceId, up.has(instanceId))));
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await look().catch((error: Error) => log(`ec2 host: ${error.message}`));
      await wait(WATCH_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();

  return {
    async stop() {
      ending.abort();
      await watching;
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      metadata.close();
    },
  };
}
