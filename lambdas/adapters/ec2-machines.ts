import {
  DescribeInstancesCommand,
  EC2Client,
  EC2ServiceException,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { STOP_SENT_SECONDS } from '../../core/fleet/fleet.ts';
import type { Machine, MachineState, Machines } from '../../core/fleet/ports.ts';

const STATES: Readonly<Record<string, MachineState>> = {
  pending: 'pending',
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  'shutting-down': 'gone',
  terminated: 'gone',
};

/**
 * Error codes for missing capacity or a used-up quota; retry later.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
const NO_CAPACITY = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientReservedInstanceCapacity',
  'InsufficientAddressCapacity',
  'InsufficientCapacity',
  'InstanceLimitExceeded',
  'VcpuLimitExceeded',
  'Server.InsufficientInstanceCapacity',
];

/** Parses EC2's stop time, such as "User initiated (2026-11-21 09:30:00 GMT)"; undefined when the reason has none. */
export function stopTimeOf(reason: string | undefined): number | undefined {
  const time = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)\)/.exec(reason ?? '');
  return time === null ? undefined : Date.parse(`${time[1]}T${time[2]}Z`);
}

export function ec2Machines(ec2: EC2Client = new EC2Client()): Machines {
  return {
    async describe(instanceIds) {
      // A filter, because a call by ids fails as a whole if one of them is gone.
      const byId = { Filters: [{ Name: 'instance-id', Values: [...instanceIds] }] };
      const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(byId));
      return Reservations.flatMap(({ Instances = [] }) => Instances).map(
        (found): Machine => ({
          instanceId: found.InstanceId ?? '',
          state: STATES[found.State?.Name ?? ''] ?? 'gone',
          launchedAtMs: found.LaunchTime?.getTime() ?? 0,
          ...(found.InstanceType !== undefined && { instanceType: found.InstanceType }),
          stoppedAtMs: stopTimeOf(found.StateTransitionReason),
        }),
      );
    },

    async start(instanceId) {
      try {
        await ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
        return 'started';
      } catch (error) {
        if (error instanceof EC2ServiceException && NO_CAPACITY.includes(error.name)) return 'no-capacity';
        if (error instanceof EC2ServiceException && error.name === 'IncorrectInstanceState') return 'not-yet';
        throw error;
      }
    },

    async stop(instanceId, isForced = false) {
      await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId], Force: isForced }), {
        abortSignal: AbortSignal.timeout(STOP_SENT_SECONDS * 1000),
      });
    },
  };
}
