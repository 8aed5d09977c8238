import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { FunctionEnv } from '../core/contracts/env.ts';
import type { LaneQueues } from './lane-queues.ts';
import type { Storage } from './storage.ts';

/** What most capabilities work with. */
export interface Shared {
  readonly storage: Storage;
  readonly lanes: LaneQueues;
  readonly stateMachine: StateMachine;
  /** Environment entries that name the bucket, tables and queues. */
  readonly names: {
    readonly [Name in Exclude<keyof FunctionEnv, 'STAGE' | 'STATE_MACHINE_ARN' | 'USER_POOL_CLIENT_ID' | 'INSTANCE_IDS'>]: string;
  };
}
