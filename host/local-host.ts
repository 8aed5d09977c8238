/**
 * Runs the whole product on one machine: the AWS emulator, the deployed template, and worker processes as machines.
 *
 * Start: kill leftovers of a killed host -> emulator -> synthesize if sources changed -> deploy if the template changed -> invoke
 * reaper and batch runner once, because the GPU runs of the last host are dead -> EC2 host.
 * Stop: abort running executions -> reaper -> EC2 host -> emulator.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { deploy, type Outputs, synthesizeIfChanged } from './deploy.ts';
import { type Ec2Host, startEc2Host } from './ec2-host.ts';
import { emulatedApiUrl } from './emulated-api.ts';
import { clientEnv, type EmulatorWatch, freePort, startEmulator } from './emulator.ts';
import { type AwsKey, createPrivateHome, type HomeKeys, keysOf } from './home-keys.ts';
import { type Folders, folders as foldersOf } from './paths.ts';
import { killLeftovers } from './processes.ts';

export interface HostOptions {
  readonly root: string;
  /** Folder of the worker's model. */
  readonly model: string;
  /** Model name in results. @default the folder's name */
  readonly modelName?: string;
  /** Port of the pages, the only origin that may call the emulator. @default no origin may */
  readonly pagesPort?: number;
  /** Seconds without work after which a run ends and its machine stops. */
  readonly idleSeconds: number;
  readonly workerEnv?: Readonly<Record<string, string>>;
  /** Additional CDK context. */
  readonly context?: Readonly<Record<string, string>>;
  /** Called after each start step with its duration. */
  readonly onStep: (title: string, seconds: number) => void;
  readonly log: (line: string) => void;
}

export interface LocalHost {
  readonly folders: Folders;
  readonly endpoint: string;
  /** The operator's access key. */
  readonly credentials: AwsKey;
  readonly demo: HomeKeys['demo'];
  readonly apiUrl: string;
  readonly outputs: Outputs;
  readonly ec2: Ec2Host;
  output(name: string): string;
  /** Invokes the reaper once, as its schedule does every minute. */
  reap(): Promise<void>;
  stop(): Promise<void>;
}

const FIRST_PORT = 4566;
/** The budget is never reached, because local machines cost nothing. Mail is stored in the emulator. */
const LOCAL = {
  dailyBudgetUsd: '1000',
  emailFrom: 'chunkscribe@example.com',
  webhookLoopback: 'true',
  origins: 'http://127.0.0.1:*,http://localhost:*',
};

/** Reuses the last port if it is free, so that presigned URLs stay valid. */
async function emulatorPort(folders: Folders): Promise<number> {
  const file = join(folders.state, 'port');
  const wanted = existsSync(file) ? Number(readFileSync(file, 'utf8')) : FIRST_PORT;
  const port = await freePort(wanted);
  mkdirSync(folders.state, { recursive: true });
  writeFileSync(file, String(port));
  return port;
}

/** Aborts GPU runs, which do not survive the emulator. Aborted runs do not count as failed; the reaper stops their machines. */
async function abortRuns(endpoint: string, stateMachineArn: string): Promise<void> {
  const sfn = new SFNClient({ endpoint });
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
  for (const { executionArn } of executions)
    await sfn.send(new StopExecutionCommand({ executionArn, cause: 'the local host stops' }));
}

/** Moves the logs of the previous start to `logs.previous`. */
function rotateLogs(logs: string): void {
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

  createPrivateHome(options.root);
  const killed = await killLeftovers(folders.run);
  rotateLogs(folders.logs);
  if (killed.length > 0) options.log(`killed processes of the previous start: ${killed.join(', ')}`);
  let reconcile = async (): Promise<void> => undefined;
  const watch: EmulatorWatch = {
    onEnd: () => options.log('the AWS emulator has ended unexpectedly and is started again'),
    onRestart: () => reconcile().catch((error: Error) => options.log(error.message)),
  };
  const startedMs = Date.now();
  const emulator = await startEmulator(folders, await emulatorPort(folders), watch, options.pagesPort);
  Object.assign(process.env, clientEnv(emulator));
  try {
    options.onStep('AWS emulator', (Date.now() - startedMs) / 1000);
    await timed('template', () =>
      synthesizeIfChanged(folders, { idleSeconds: String(options.idleSeconds), model: modelName, ...LOCAL, ...options.context }),
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
    // The GPU runs of the last emulator are dead. The batch runner continues an active batch run.
    reconcile = async () => {
      await reap();
      await invoke('BatchRunnerName');
    };
    await timed('reconciliation', reconcile);
    const ec2 = startEc2Host({
      folders,
      endpoint: emulator.endpoint,
      instanceIds: output('InstanceIds').split(','),
      configName: output('WorkerConfigName'),
      workerEnv: { MODEL: options.model, MODEL_NAME: modelName, HF_HUB_DISABLE_TELEMETRY: '1', ...options.workerEnv },
      log: options.log,
    });
    return {
      folders,
      endpoint: emulator.endpoint,
      credentials: emulator.credentials,
      demo: keysOf(options.root).demo,
      apiUrl: emulatedApiUrl(emulator.endpoint, output('ApiUrl')),
      outputs,
      ec2,
      output,
      reap,
      async stop() {
        await abortRuns(emulator.endpoint, output('StateMachineArn'))
          .then(reap)
          .catch((error: Error) => options.log(error.message));
        await ec2.stop();
        await emulator.stop();
      },
    };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}
