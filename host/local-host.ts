/**
 * The whole product on one machine: emulator, deployed template, machines that are processes.
 *
 * Steps: end what a killed host left -> emulator -> synthesize if sources changed -> deploy if the template changed -> a pass
 * of reaper and batch, because running executions of the last time are dead -> EC2 host.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { deploy, type Outputs, synthesize } from './deploy.ts';
import { type Ec2Host, startEc2Host } from './ec2-host.ts';
import { clientEnv, freePort, startEmulator } from './emulator.ts';
import { type Folders, folders as foldersOf } from './paths.ts';
import { endLeftovers } from './processes.ts';

export interface HostOptions {
  readonly root: string;
  /** Folder of the worker's model. */
  readonly model: string;
  /** What results call it. @default the folder's name */
  readonly modelName?: string;
  /** Seconds without work until a run ends and the machine stops. */
  readonly idleSeconds: number;
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Further choices of the stage. */
  readonly context?: Readonly<Record<string, string>>;
  /** A numbered step has ended, after this many seconds. */
  readonly onStep: (title: string, seconds: number) => void;
  readonly log: (line: string) => void;
}

export interface LocalHost {
  readonly folders: Folders;
  readonly endpoint: string;
  readonly apiUrl: string;
  readonly outputs: Outputs;
  readonly ec2: Ec2Host;
  output(name: string): string;
  /** One pass of the reaper, as its schedule makes every minute. */
  reap(): Promise<void>;
  stop(): Promise<void>;
}

const FIRST_PORT = 4566;
/** A machine that runs all day stays below this budget: here nobody pays for it. Mail goes nowhere but into the emulator. */
const LOCAL = {
  dailyBudgetUsd: '1000',
  emailFrom: 'chunkscribe@example.com',
  webhookLoopback: 'true',
  origins: 'http://127.0.0.1:*,http://localhost:*',
};

/** The same port again as long as it is free: addresses that were handed out stay good. */
async function emulatorPort(folders: Folders): Promise<number> {
  const file = join(folders.state, 'port');
  const wanted = existsSync(file) ? Number(readFileSync(file, 'utf8')) : FIRST_PORT;
  const port = await freePort(wanted);
  mkdirSync(folders.state, { recursive: true });
  writeFileSync(file, String(port));
  return port;
}

/** Runs do not outlive the emulator; aborted on purpose they are no failures, and their machine is stopped in order. */
async function abortRuns(endpoint: string, stateMachineArn: string): Promise<void> {
  const sfn = new SFNClient({ endpoint });
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
  for (const { executionArn } of executions)
    await sfn.send(new StopExecutionCommand({ executionArn, cause: 'the local host ends' }));
}

/** Logs of this start, and of the one before. */
function keepLastLogs(logs: string): void {
  rmSync(`${logs}.previous`, { recursive: true, force: true });
  if (existsSync(logs)) renameSync(logs, `${logs}.previous`);
}

export async function startLocalHost(options: HostOptions): Promise<LocalHost> {
  const folders = foldersOf(options.root);
  const modelName = options.modelName ?? basename(options.model);
  const timed = async <T>(title: string, run: () => T | Promise<T>): Promise<T> => {
    const startedMs = Date.now();
    const result = await run();
    options.onStep(title, (Date.now() - startedMs) / 1000);
    return result;
  };

  const ended = await endLeftovers(folders.run);
  keepLastLogs(folders.logs);
  if (ended.length > 0) options.log(`ended what the last start left behind: ${ended.join(', ')}`);
  const emulator = await timed('AWS emulator', async () => startEmulator(folders, await emulatorPort(folders)));
  Object.assign(process.env, clientEnv(emulator.endpoint));
  try {
    await timed('template', () =>
      synthesize(folders, { idleSeconds: String(options.idleSeconds), model: modelName, ...LOCAL, ...options.context }),
    );
    const { outputs } = await timed('deployment', () => deploy(folders, emulator.endpoint));
    const output = (name: string): string => {
      const value = outputs[name];
      if (value === undefined) throw new Error(`the stack has no output ${name}`);
      return value;
    };
    const lambda = new LambdaClient({ endpoint: emulator.endpoint });
    const invoke = async (name: string): Promise<void> => {
      const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName: output(name) }));
      if (FunctionError) throw new Error(`${name} failed: ${Buffer.from(Payload ?? []).toString()}`);
    };
    const reap = () => invoke('ReaperName');
    await timed('reconciliation', async () => {
      await reap();
      await invoke('BatchRunnerName'); // a run that was under way goes on
    });
    const ec2 = startEc2Host({
      folders,
      endpoint: emulator.endpoint,
      instanceIds: output('InstanceIds').split(','),
      configName: output('WorkerConfigName'),
      workerEnv: { MODEL: options.model, MODEL_NAME: modelName, HF_HUB_DISABLE_TELEMETRY: '1', ...options.workerEnv },
      log: options.log,
    });
    const apiId = /\/\/([^.]+)\./.exec(output('ApiUrl'))?.[1] ?? '';
    return {
      folders,
      endpoint: emulator.endpoint,
      apiUrl: `${emulator.endpoint}/_aws/execute-api/${apiId}/$default`,
      outputs,
      ec2,
      output,
      reap,
      async stop() {
        await abortRuns(emulator.endpoint, output('StateMachineArn'))
          .then(reap)
          .catch((error: Error) => options.log(error.message));
        await ec2.stop();
        await emulator.process.stop();
      },
    };
  } catch (error) {
    await emulator.process.stop();
    throw error;
  }
}
