import type { InstanceRow, PoolRow } from '../contracts/rows.ts';

/** A change of fleet rows in one transaction; it fails when a row has changed since it was read. */
export interface FleetChange {
  readonly pool?: { readonly from: PoolRow; readonly to: PoolRow };
  readonly instances?: readonly { readonly from: InstanceRow; readonly to: InstanceRow }[];
}

/** Rows of the pool and its instances. Reads are strongly consistent; a row that was never written has its initial value. */
export interface FleetStore {
  readPool(): Promise<PoolRow>;
  readInstance(instanceId: string): Promise<InstanceRow>;
  /** Increments `wanted_seq`: no run may end without having seen the new value. */
  raiseWanted(): Promise<PoolRow>;
  commit(change: FleetChange): Promise<'committed' | 'conflict'>;
}

export type MachineState = 'pending' | 'running' | 'stopping' | 'stopped' | 'gone';
/** A machine as EC2 reports it. */
export interface Machine {
  readonly instanceId: string;
  readonly state: MachineState;
  /** Last launch, by EC2's clock. */
  readonly launchedAtMs: number;
  readonly instanceType?: string;
  /** End of the last launch, if EC2 reports it. */
  readonly stoppedAtMs?: number | undefined;
}

/** `no-capacity`: EC2 has no such machine now, or the quota is used up; `not-yet`: the machine is still stopping. */
type StartOutcome = 'started' | 'no-capacity' | 'not-yet';

/** EC2's calls for the machines of the pool. */
export interface Machines {
  /** Machines that no longer exist are missing in the result. */
  describe(instanceIds: readonly string[]): Promise<Machine[]>;
  start(instanceId: string): Promise<StartOutcome>;
  /**
   * Sends one request within `STOP_SENT_SECONDS`, or fails: a stop must not arrive later. A forced stop does not wait for the
   * operating system.
   */
  stop(instanceId: string, isForced?: boolean): Promise<void>;
}

type RunStatus = 'running' | 'ended' | 'aborted';

/** Executions of the GPU workflow. */
export interface Runs {
  /** Starts the run of this name; a second start has no effect. */
  start(runId: string): Promise<'started' | 'exists'>;
  /** `aborted`: stopped on purpose. An unknown run counts as `ended`. */
  status(runId: string): Promise<RunStatus>;
}
