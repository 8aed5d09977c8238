import { DescribeInstancesCommand, type EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';
import type { Machine, MachineState, Machines } from '../../core/fleet/ports.ts';

const STATES: Readonly<Record<string, MachineState>> = {
  pending: 'pending',
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  'shutting-down': 'gone',
  terminated: 'gone',
};

export const ec2Machines = (ec2: EC2Client): Machines => ({
  async describe(instanceIds) {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [...instanceIds] }));
    return Reservations.flatMap(({ Instances = [] }) => Instances).map(
      (found): Machine => ({
        instanceId: found.InstanceId ?? '',
        state: STATES[found.State?.Name ?? ''] ?? 'gone',
        launchedAtMs: found.LaunchTime?.getTime() ?? 0,
      }),
    );
  },

  async stop(instanceId) {
    await ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
  },
});
