/** Fault injection for host tests, and switches that disable parts of the product. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import {
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from '@aws-sdk/client-sfn';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { host, output } from './support.ts';

/** Rules of the fault file that host/emulator/faults.py and host/ec2-host.ts read. */
export interface Faults {
  /** Value of AWS's parameter with the newest machine image. */
  readonly newest_image?: string;
  readonly no_capacity?: readonly string[];
  readonly pending_seconds?: number;
  readonly stopping_seconds?: number;
  readonly boot_seconds?: number;
  readonly spot_notice?: readonly string[];
  /** Without `error`: InternalServerError. S3's actions are HTTP methods; `about`: only calls whose path contains this text. */
  readonly calls?: readonly {
    service: string;
    action: string;
    about?: string;
    after?: number;
    times?: number;
    effect?: boolean;
    error?: 'conflict' | 'throttle' | 'unavailable';
  }[];
  /** Free space of the disk in bytes. */
  readonly free_bytes?: number;
  /** Calls per second of an API instead of its stage's own limits. */
  readonly stage_throttle?: { rate: number; burst: number };
  /** Share of all DynamoDB writes that meet another transaction. */
  readonly conflicts?: number;
  /** `about`: only events that contain this text. */
  readonly events?: readonly {
    detail_type: string;
    about?: string;
    do: 'drop' | 'repeat' | 'delay';
    times?: number;
    seconds?: number;
  }[];
}

const FILE = join(host.root, 'faults.json');
export const injectFaults = (faults: Faults): void => writeFileSync(FILE, JSON.stringify(faults));
export const clearFaults = (): void => rmSync(FILE, { force: true });

const events = new EventBridgeClient();
const sfn = new SFNClient();
const ssm = new SSMClient();
const stateMachineArn = output('StateMachineArn');

export type ReaperRule = 'EveryMinute' | 'RunEnded' | 'MachineChanged';
async function namesOf(rules: readonly ReaperRule[]): Promise<string[]> {
  const { Rules = [] } = await events.send(new ListRulesCommand({}));
  return Rules.map(({ Name = '' }) => Name).filter((name) => rules.some((rule) => name.includes(`Reaper${rule}`)));
}

/** Runs a function while these EventBridge rules of the reaper are disabled. */
export async function withoutRules<T>(rules: readonly ReaperRule[], run: () => Promise<T>): Promise<T> {
  const names = await namesOf(rules);
  if (names.length !== rules.length) throw new Error(`rules are named otherwise: ${names.join()}`);
  for (const Name of names) await events.send(new DisableRuleCommand({ Name }));
  try {
    return await run();
  } finally {
    for (const Name of names) await events.send(new EnableRuleCommand({ Name }));
  }
}

/** Runs a function while newly booted workers have these additional settings. */
export async function withWorkerSettings<T>(settings: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const Name = output('WorkerConfigName');
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
  const before = Parameter?.Value ?? '{}';
  const put = (Value: string) => ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
  await put(JSON.stringify({ ...JSON.parse(before), ...settings }));
  try {
    return await run();
  } finally {
    await put(before);
  }
}

/** Runs a function while new GPU runs use a changed workflow definition. */
export async function withDefinition<T>(change: (definition: string) => string, run: () => Promise<T>): Promise<T> {
  const { definition = '' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
  const changed = change(definition);
  if (changed === definition) throw new Error('the definition is the same after the change');
  await sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition: changed }));
  try {
    return await run();
  } finally {
    await sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition }));
  }
}

export async function runningExecution(): Promise<string | undefined> {
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
  return executions[0]?.executionArn;
}

export const abort = (executionArn: string) => sfn.send(new StopExecutionCommand({ executionArn }));

/** Names of the states that an execution has entered, in order. */
export async function statesOf(executionArn: string): Promise<string[]> {
  const { events: history = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  return history.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
}

export const lastExecution = async (): Promise<string> => {
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
  const newest = [...executions].sort((a, b) => (b.startDate?.getTime() ?? 0) - (a.startDate?.getTime() ?? 0))[0];
  if (newest?.executionArn === undefined) throw new Error('nothing ever ran');
  return newest.executionArn;
};
