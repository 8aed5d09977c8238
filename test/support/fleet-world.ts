import type { FleetDeps } from '../../core/fleet/decide.ts';
import { STOP_SETTLED_SECONDS } from '../../core/fleet/fleet.ts';
import { waitsFor } from '../../core/fleet/pool.ts';
import type { MachineState } from '../../core/fleet/ports.ts';
import { reapInstance, reapPool } from '../../core/fleet/reaping.ts';
import { confirm, leaveRun, nextMachine, type PlanLimits, plan, startMachine, wake } from '../../core/fleet/run-steps.ts';
import { memoryFleetStore } from './memory-stores.ts';

export const INSTANCE = 'i-1';

/** EC2 machines, executions that run until the test ends them, and a fake clock. */
export function fleetWorld(instanceIds: readonly string[] = [INSTANCE]) {
  const store = memoryFleetStore();
  const started: string[] = [];
  const alive = new Set<string>();
  const aborted = new Set<string>();
  const states = new Map<string, MachineState>(instanceIds.map((id) => [id, 'stopped']));
  const launched = new Map<string, number>();
  /** Machines without EC2 capacity. */
  const full = new Set<string>();
  const limits = { machines: 1, isSpent: false };
  let now = 1_000_000;
  const stateOf = (id: string): MachineState => states.get(id) ?? 'gone';
  const deps = {
    store,
    instanceIds,
    nowMs: () => now,
    machinesWanted: async () => limits.machines,
    isBudgetSpent: async () => limits.isSpent,
    machines: {
      describe: async (ids) =>
        ids.map((instanceId) => ({ instanceId, state: stateOf(instanceId), launchedAtMs: launched.get(instanceId) ?? 0 })),
      async start(id) {
        if (stateOf(id) === 'stopping') return 'not-yet';
        if (stateOf(id) !== 'stopped') return 'started';
        if (full.has(id)) return 'no-capacity';
        states.set(id, 'running');
        launched.set(id, now);
        return 'started';
      },
      async stop(id, isForced = false) {
        if (stateOf(id) === 'running' || (isForced && stateOf(id) === 'stopping')) states.set(id, 'stopped');
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
  } satisfies FleetDeps & PlanLimits;
  return {
    deps,
    store,
    started,
    alive,
    aborted,
    full,
    limits,
    machine: (to?: MachineState, id: string = INSTANCE): MachineState => {
      if (to !== undefined) states.set(id, to);
      return stateOf(id);
    },
    pass: (ms: number): void => {
      now += ms;
    },
  };
}

/** A fleet with shortcuts for the steps of runs. */
export function runsWorld(instanceIds: readonly string[] = [INSTANCE]) {
  const parts = fleetWorld(instanceIds);
  const { deps } = parts;
  return {
    ...parts,
    wake: () => wake(deps),
    plan: (runId: string) => plan(deps, deps, runId),
    start: (runId: string, id = INSTANCE) => startMachine(deps, runId, id),
    next: (runId: string, id = INSTANCE) => nextMachine(deps, runId, id),
    leave: (runId: string, seen?: number, id = INSTANCE) => leaveRun(deps, runId, id, seen),
    confirm: (runId = 'run-1', id = INSTANCE) => confirm(deps, runId, id),
    reap: async (id = INSTANCE) => {
      const { kind } = await reapInstance(deps, id);
      await reapPool(deps);
      return kind;
    },
    settle: () => parts.pass(STOP_SETTLED_SECONDS * 1000),
    waits: async () => waitsFor(await parts.store.readPool(), deps.nowMs()),
  };
}
