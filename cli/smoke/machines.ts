/** What a smoke test does to the GPU machines and the run of its stage, with the environment's credentials. */
import { DescribeInstancesCommand, EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { GetCommandInvocationCommand, SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import { poll } from '../../host/poll.ts';
import { CliError } from '../connection.ts';
import type { Outputs } from './stage.ts';

/** The machine's SSM agent answers within this time. */
const COMMAND_SECONDS = 120;
const POLL_MS = 2000;
/** @see gpu-worker/bootstrap/chunkscribe-worker.service */
const KILL_WORKER = 'systemctl kill --signal=KILL chunkscribe-worker';
const GONE = 'gone';

export function machinesOf({ InstanceIds = '', StateMachineArn = '' }: Outputs) {
  const ec2 = new EC2Client();
  const sfn = new SFNClient();
  const ssm = new SSMClient();
  const ids = InstanceIds.split(',');

  /** State of each machine. */
  async function states(): Promise<ReadonlyMap<string, string>> {
    const byId = { Filters: [{ Name: 'instance-id', Values: ids }] };
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(byId));
    const found = Reservations.flatMap(({ Instances = [] }) => Instances);
    const stateOf = new Map(found.map(({ InstanceId = '', State }) => [InstanceId, State?.Name ?? GONE]));
    return new Map(ids.map((id) => [id, stateOf.get(id) ?? GONE]));
  }

  /** Kills the worker's process; systemd starts it again. */
  async function killWorker(InstanceId: string): Promise<void> {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [InstanceId],
        Parameters: { commands: [KILL_WORKER] },
      }),
    );
    const invocation = { CommandId: Command?.CommandId, InstanceId };
    const ended = await poll('the command to end', COMMAND_SECONDS, async () => {
      const found = await ssm.send(new GetCommandInvocationCommand(invocation)).catch((error: Error) => {
        if (error.name === 'InvocationDoesNotExist') return undefined; // not distributed yet
        throw error;
      });
      return ['Pending', 'InProgress', 'Delayed'].includes(found?.Status ?? 'Pending') ? undefined : found;
    });
    if (ended.Status !== 'Success') throw new CliError(`the worker was not killed: ${ended.StandardErrorContent}`);
  }

  return {
    ids,
    states,
    killWorker,
    /** The machines in this state. */
    async inState(...names: string[]): Promise<string[]> {
      return [...(await states())].filter(([, state]) => names.includes(state)).map(([id]) => id);
    },
    /** The machine that runs. @throws CliError if none does */
    async running(): Promise<string> {
      const [id] = await this.inState('running');
      if (id === undefined) throw new CliError('no machine runs');
      return id;
    },
    /** Waits until no machine runs or changes its state. */
    async awaitStopped(seconds: number): Promise<void> {
      await poll(
        'the machines to stop',
        seconds,
        async () => (await this.inState('stopped', 'terminated', GONE)).length === ids.length,
        POLL_MS,
      );
    },
    terminate: (id: string) => ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] })),
    /** Aborts the active run. @throws CliError if there is none */
    async abortRun(): Promise<void> {
      const active = { stateMachineArn: StateMachineArn, statusFilter: 'RUNNING' } as const;
      const { executions = [] } = await sfn.send(new ListExecutionsCommand(active));
      if (executions.length === 0) throw new CliError('no run is active');
      for (const { executionArn } of executions) await sfn.send(new StopExecutionCommand({ executionArn }));
    },
  };
}
export type Machines = ReturnType<typeof machinesOf>;
