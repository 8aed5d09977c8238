import type { FleetDeps } from '../../core/fleet/fleet-service.ts';
import type { MachineState } from '../../core/fleet/ports.ts';
import { memoryFleetStore } from './memory-stores.ts';

export const INSTANCE = 'i-1';

/** One machine, executions that run until they are ended, and a clock. */
export function fleetWorld() {
  const store = memoryFleetStore();
  const started: string[] = [];
  const alive = new Set<string>();
  const aborted = new Set<string>();
  let state: MachineState = 'stopped';
  let now = 1_000_000;
  /** Every stop, with the living runs that held the machine then. */
  const stops: { readonly holders: readonly string[] }[] = [];
  const deps: FleetDeps = {
    store,
    nowMs: () => now,
    machines: {
      describe: async () => [{ instanceId: INSTANCE, state, launchedAtMs: 0 }],
      stop: async () => {
        const { holders } = await store.readInstance(INSTANCE);
        stops.push({ holders: Object.keys(holders).filter((run) => alive.has(run)) });
        state = 'stopped';
      },
    },
    runs: {
      start: async (runId) => {
        if (started.includes(runId)) return 'exists';
        started.push(runId);
        alive.add(runId);
        return 'started';
      },
      status: async (runId) => (alive.has(runId) ? 'running' : aborted.has(runId) ? 'aborted' : 'ended'),
    },
  };
  return {
    deps,
    store,
    started,
    alive,
    aborted,
    stops,
    machine: (to: MachineState = state): MachineState => {
      state = to;
      return state;
    },
    pass: (ms: number): void => {
      now += ms;
    },
  };
}
