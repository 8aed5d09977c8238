import type { InstanceRow, PoolRow } from '../contracts/rows.ts';

/** A change from what was read to what shall be; it happens whole, or not at all when anybody wrote in between. */
export interface FleetChange {
  readonly pool?: { readonly from: PoolRow; readonly to: PoolRow };
  readonly instances?: readonly { readonly from: InstanceRow; readonly to: InstanceRow }[];
}

/** Rows of the pool and its instances. Reads are strongly consistent; a row nobody wrote yet reads as its empty form. */
export interface FleetStore {
  readPool(): Promise<PoolRow>;
  readInstance(instanceId: string): Promise<InstanceRow>;
  /** Raises `wanted_seq`: after this no run leaves without having looked again. */
  raiseWanted(): Promise<PoolRow>;
  commit(change: FleetChange): Promise<'committed' | 'conflict'>;
}

export type MachineState = 'pending' | 'running' | 'stopping' | 'stopped' | 'gone';
export interface Machine {
  readonly instanceId: string;
  readonly state: MachineState;
  /** Last launch, by EC2's clock. */
  readonly launchedAtMs: number;
  readonly instanceType?: string;
  /** End of the last launch where EC2 tells it. */
  readonly stoppedAtMs?: number | undefined;
}

/** `no-capacity`: EC2 has no such machine now, or the quota is used up; `not-yet`: it is still stopping. */
type StartOutcome = 'started' | 'no-capacity' | 'not-yet';

export interface Machines {
  describe(instanceIds: readonly string[]): Promise<Machine[]>;
  start(instanceId: string): Promise<StartOutcome>;
  /** Sends one request within `STOP_SENT_SECONDS`, or fails: a stop must not arrive later. */
  stop(instanceId: string): Promise<void>;
}

type RunStatus = 'running' | 'ended' | 'aborted';

/** Executions of the GPU workflow. */
export interface Runs {
  /** Starts the run of this name; a second start of the same name is the same run. */
  start(runId: string): Promise<'started' | 'exists'>;
  /** `aborted`: somebody stopped it on purpose. An unknown run has ended. */
  status(runId: string): Promise<RunStatus>;
}
