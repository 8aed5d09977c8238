import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Runs } from '../../core/fleet/ports.ts';

export const sfnRuns = (sfn: SFNClient, stateMachineArn: string): Runs => {
  const executionArn = (runId: string): string => `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${runId}`;
  return {
    async start(runId) {
      try {
        await sfn.send(new StartExecutionCommand({ stateMachineArn, name: runId, input: '{}' }));
        return 'started';
      } catch (error) {
        if (error instanceof ExecutionAlreadyExists) return 'exists';
        throw error;
      }
    },

    async status(runId) {
      try {
        const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: executionArn(runId) }));
        if (status === 'RUNNING') return 'running';
        return status === 'ABORTED' ? 'aborted' : 'ended';
      } catch (error) {
        if (error instanceof ExecutionDoesNotExist) return 'ended';
        throw error;
      }
    },
  };
};
