import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import type { LaneQueues } from './lane-queues.ts';
import type { Observability } from './observability.ts';
import type { StageProps } from './stage.ts';
import type { Storage } from './storage.ts';

/** Props that most constructs share. */
export interface Shared {
  /** Validated parameters of the stage. */
  readonly stage: StageProps;
  /** The bucket and the tables. */
  readonly storage: Storage;
  /** Queues of the chunks that wait for a machine. */
  readonly lanes: LaneQueues;
  /** Workflow of the GPU runs. */
  readonly stateMachine: StateMachine;
  /** Metrics and alarms of the stage. */
  readonly observability: Observability;
}

/** Props of constructs that serve API calls. */
export interface SharedByCalls extends Shared {
  /** HTTP API to which the construct adds its routes. */
  readonly api: ServiceApi;
  /** User pool, and the client whose tokens are accepted. */
  readonly identity: Identity;
}

/** Variables of functions that request transcriptions: bucket, tables of recordings, file jobs and runs, lanes, and workflow. */
export function workEnv({ storage, lanes, stateMachine }: Shared) {
  const { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE, FLEET_TABLE, BATCH_TABLE, JOBS_TABLE } = storage.env;
  const names = { BUCKET_NAME, SESSIONS_TABLE, CHUNKS_TABLE, SETTINGS_TABLE, FLEET_TABLE, BATCH_TABLE, JOBS_TABLE };
  return { ...names, ...lanes.env, STATE_MACHINE_ARN: stateMachine.stateMachineArn };
}

/** Variables of functions that compute GPU costs. */
export const costEnv = ({ stage, storage }: Pick<Shared, 'stage' | 'storage'>) => ({
  LEDGER_TABLE: storage.env.LEDGER_TABLE,
  GPU_USD_PER_HOUR: String(stage.gpuUsdPerHour),
});
