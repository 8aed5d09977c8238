/** How the fleet decisions are carried out: read, decide, write; again when somebody else wrote in between. */
import { DomainError } from '../errors.ts';
import type { Snapshot } from './fleet.ts';
import type { FleetChange, FleetStore, Machine, Machines, Runs } from './ports.ts';

export interface FleetDeps {
  readonly store: FleetStore;
  readonly machines: Machines;
  readonly runs: Runs;
  /** Machines of the pool in the order in which they are preferred. */
  readonly instanceIds: readonly string[];
  readonly nowMs: () => number;
}

export type StepDeps = Omit<FleetDeps, 'runs'>;

/** Writers of one row are few; this many collisions in a row mean that something else is wrong. */
const MAX_COLLISIONS = 50;

export interface Decision {
  readonly kind: string;
  readonly change?: FleetChange | undefined;
}

export async function decide<D extends Decision>(
  store: FleetStore,
  instanceId: string,
  decision: (snapshot: Snapshot) => D | Promise<D>,
): Promise<D> {
  for (let collision = 0; collision < MAX_COLLISIONS; collision += 1) {
    const [pool, instance] = await Promise.all([store.readPool(), store.readInstance(instanceId)]);
    const decided = await decision({ pool, instance });
    if (decided.change === undefined || (await store.commit(decided.change)) === 'committed') return decided;
  }
  throw new DomainError('busy', 'the fleet row changes faster than it can be written');
}

/** What EC2 says now; a machine that it does not know is gone. */
export async function describe(machines: Machines, instanceId: string): Promise<Machine> {
  const [machine] = await machines.describe([instanceId]);
  return machine ?? { instanceId, state: 'gone', launchedAtMs: 0 };
}
