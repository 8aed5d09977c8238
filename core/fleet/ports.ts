import type { InstanceRow, PoolRow } from '../contracts/rows.ts';

/** A change from what was read to what shall be; it happens whole, or not at all when anybody wrote in between. */
export interface FleetChange {
  readonly pool?: { readonly from: PoolRow; readonly to: PoolRow };
  readonly instance?: { readonly from: InstanceRow; readonly to: InstanceRow };
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
  readonly launchedAtMs: number;
}

export interface Machines {
  describe(instanceIds: readonly string[]): Promise<Machine[]>;
  stop(instanceId: string): Promise<void>;
}

export type RunStatus = 'running' | 'ended' | 'aborted';

/** Executions of the GPU workflow. */
export interface Runs {
  /** Starts the run of this name; a second start of the same name is the same run. */
  start(runId: string): Promise<'started' | 'exists'>;
  /** `aborted`: somebody stopped it on purpose. An unknown run has ended. */
  status(runId: string): Promise<RunStatus>;
}
