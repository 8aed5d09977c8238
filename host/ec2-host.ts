/**
 * The machines of the emulator made real: a running instance has a worker process, a stopped one has none.
 *
 * It does what EC2 and systemd do for the worker: environment from the same SSM parameter, SIGTERM on stop, a restart after a
 * crash, and a way to switch the machine off from inside.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { clientEnv } from './emulator.ts';
import { type Folders, PROJECT, WORKER_PYTHON } from './paths.ts';
import { type Started, startProcess } from './processes.ts';

const WATCH_MS = 250;
const RESTART_MS = 1000;

export interface Ec2HostOptions {
  readonly folders: Folders;
  readonly endpoint: string;
  readonly instanceId: string;
  readonly configName: string;
  /** Environment entries that stand for what differs on this machine: model and device. */
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface Ec2Host {
  /** Process id of the worker that runs now. */
  workerPid(): number | undefined;
  stop(): Promise<void>;
}

export function startEc2Host(options: Ec2HostOptions): Ec2Host {
  const { folders, endpoint, instanceId, log } = options;
  const ec2 = new EC2Client({ endpoint });
  const ssm = new SSMClient({ endpoint });
  const ending = new AbortController();
  let worker: Started | undefined;

  const isRunning = async (): Promise<boolean> => {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    return Reservations[0]?.Instances?.[0]?.State?.Name === 'running';
  };

  async function boot(): Promise<Started> {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: options.configName }));
    const { BUNDLE: _bundle, ...config } = z.record(z.string(), z.string()).parse(JSON.parse(Parameter?.Value ?? '{}'));
    const poweroff = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(PROJECT, 'host', 'poweroff.ts'),
      instanceId,
    ];
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
        ...config,
        ...clientEnv(endpoint),
        ...options.workerEnv,
      },
    });
  }

  async function step(): Promise<void> {
    const up = await isRunning();
    if (up && worker === undefined) {
      const booted = await boot();
      worker = booted;
      log(`instance ${instanceId} runs: worker ${booted.child.pid}`);
      void booted.exited.then(async () => {
        await wait(RESTART_MS);
        if (worker === booted) worker = undefined;
      });
    } else if (!up && worker !== undefined) {
      await worker.stop();
      worker = undefined;
      log(`instance ${instanceId} stopped`);
    }
  }

  const watching = (async () => {
    while (!ending.signal.aborted) {
      await step().catch((error: Error) => log(`ec2 host: ${error.message}`));
      await wait(WATCH_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();

  return {
    workerPid: () => worker?.child.pid,
    async stop() {
      ending.abort();
      await watching;
      await worker?.stop();
    },
  };
}
