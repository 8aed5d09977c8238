import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { QUEUE_ENV } from '../core/contracts/env.ts';
import type { Lane } from '../core/contracts/lanes.ts';
import type { LaneQueues } from './lane-queues.ts';
import type { Storage } from './storage.ts';

/** Props that most constructs share. */
export interface Shared {
  readonly storage: Storage;
  readonly lanes: LaneQueues;
  readonly stateMachine: StateMachine;
  /** Environment variables with the names of the bucket and tables and the URLs of the queues. */
  readonly names: Readonly<
    Record<
      | 'BUCKET_NAME'
      | 'SESSIONS_TABLE'
      | 'CHUNKS_TABLE'
      | 'SETTINGS_TABLE'
      | 'FLEET_TABLE'
      | 'BATCH_TABLE'
      | 'JOBS_TABLE'
      | (typeof QUEUE_ENV)[Lane],
      string
    >
  >;
  /** Environment variables for functions that compute GPU costs. */
  readonly ledgerEnv: Readonly<Record<'LEDGER_TABLE' | 'GPU_USD_PER_HOUR', string>>;
}
