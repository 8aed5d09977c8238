/** Executes fleet decisions with optimistic locking: read, decide, commit; again when another caller committed in between. */
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { Snapshot } from './fleet.ts';
import type { FleetChange, FleetStore, Machine, Machines, Runs } from './ports.ts';

export interface FleetDeps {
  readonly store: FleetStore;
  readonly machines: Machines;
  readonly runs: Runs;
  /** Machines of the pool in order of preference. */
  readonly instanceIds: readonly string[];
  readonly nowMs: () => number;
}

export type StepDeps = Omit<FleetDeps, 'runs'>;

/** A decision and the change that it requires, if any. */
export interface Decision {
  readonly kind: string;
  readonly change?: FleetChange | undefined;
}

/** Reads the rows, decides and commits; returns the committed decision. @throws DomainError `busy` */
export async function decide<D extends Decision>(
  store: FleetStore,
  instanceId: string,
  decision: (snapshot: Snapshot) => D | Promise<D>,
): Promise<D> {
  return optimistically('the fleet', async () => {
    const [pool, instance] = await Promise.all([store.readPool(), store.readInstance(instanceId)]);
    const decided = await decision({ pool, instance });
    return decided.change === undefined || (await store.commit(decided.change)) === 'committed' ? decided : CONFLICT;
  });
}

/** EC2's current state of a machine; `gone` if EC2 does not know it. */
export async function describe(machines: Machines, instanceId: string): Promise<Machine> {
  const [machine] = await machines.describe([instanceId]);
  return machine ?? { instanceId, state: 'gone', launchedAtMs: 0 };
}
