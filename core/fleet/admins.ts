/**
 * Machines that admins start and stop manually. An admin holds a machine until a deadline, as a run does.
 *
 * Start: hold a machine in its row -> start it in EC2; if EC2 cannot, release it and try the next one.
 * Stop: release the machine -> if no holder is left, or the stop is forced: stop it in EC2.
 *
 * Gotchas:
 * - After the deadline, the reaper stops the machine if no other holder is left.
 * - EC2 refuses to stop a machine that is starting. Its stop is decided anyway, and the reaper sends it.
 */
import { type Decision, decide, type StepDeps } from './decide.ts';
import { adminHolder, hold, isUp, release } from './fleet.ts';
import { next } from './pool.ts';
import type { Machine } from './ports.ts';

export type AdminStart =
  | { readonly kind: 'held'; readonly instanceId: string; readonly machine: Machine['state'] }
  | { readonly kind: 'no-capacity' | 'draining' };

/** Holds and starts one machine of the pool: preferably one that the admin already holds, then a running one, then any other. */
export async function startForAdmin(deps: StepDeps, userId: string, untilMs: number): Promise<AdminStart> {
  const holder = adminHolder(userId);
  const machines = (await deps.machines.describe(deps.instanceIds)).filter(({ state }) => state !== 'gone');
  const rows = await Promise.all(machines.map(({ instanceId }) => deps.store.readInstance(instanceId)));
  const isHeld = ({ instanceId }: Machine): boolean => rows.some((row) => row.id === instanceId && row.holders[holder]);
  const rank = (machine: Machine): number => (isHeld(machine) ? 0 : machine.state === 'running' ? 1 : 2);
  let outcome: 'no-capacity' | 'draining' = 'draining';
  for (const machine of machines.sort((a, b) => rank(a) - rank(b))) {
    const { instanceId } = machine;
    const { kind } = await decide(deps.store, instanceId, ({ instance }) => {
      const change = hold(instance, holder, machine, untilMs);
      return change === 'draining' ? { kind: 'draining' } : { kind: 'held', change };
    });
    if (kind === 'draining') continue;
    const started = await deps.machines.start(instanceId);
    if (started === 'started') {
      await endWaitForCapacity(deps, instanceId);
      return { kind: 'held', instanceId, machine: machine.state === 'running' ? 'running' : 'pending' };
    }
    if (started === 'no-capacity') outcome = 'no-capacity';
    await decide(deps.store, instanceId, (snapshot) => release(snapshot, holder, false, deps.nowMs()));
  }
  return { kind: outcome };
}

/** EC2 had capacity: work that waits for it may start now. */
async function endWaitForCapacity({ store }: StepDeps, instanceId: string): Promise<void> {
  await decide(store, instanceId, ({ pool }) =>
    pool.waits_for === 'capacity'
      ? { kind: 'ended', change: { pool: next(pool, { ...pool, next_start_at_ms: 0 }) } }
      : { kind: 'none' },
  );
}

export interface AdminStop {
  readonly stopped: readonly string[];
  /** Machines that stay up for other holders. */
  readonly kept: readonly string[];
}

/** Releases the machines that the admin holds. A forced stop stops all machines, even under other holders. */
export async function stopForAdmin(deps: StepDeps, userId: string, isForced: boolean): Promise<AdminStop> {
  const holder = adminHolder(userId);
  const stopped: string[] = [];
  const kept: string[] = [];
  for (const machine of await deps.machines.describe(deps.instanceIds)) {
    const { instanceId, state } = machine;
    const { kind } = await decide(deps.store, instanceId, (snapshot): Decision => {
      if (!isForced && snapshot.instance.holders[holder] === undefined) return { kind: isUp(machine) ? 'keep' : 'nothing' };
      if (isForced && !isUp(machine)) return { kind: 'nothing' };
      return release(snapshot, holder, isForced, deps.nowMs());
    });
    if (kind === 'stop' && state === 'running') await deps.machines.stop(instanceId);
    if (kind === 'stop') stopped.push(instanceId);
    if (kind === 'keep') kept.push(instanceId);
  }
  return { stopped, kept };
}
