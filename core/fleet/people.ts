/** The machines by hand: people are holders until a deadline of theirs. */
import { type Decision, decide, type StepDeps } from './decide.ts';
import { hold, isUp, letGo, personHolder } from './fleet.ts';
import { next } from './pool.ts';
import type { Machine } from './ports.ts';

export type PersonStart =
  | { readonly kind: 'held'; readonly instanceId: string; readonly machine: Machine['state'] }
  | { readonly kind: 'no-capacity' | 'draining' };

/** A person holds the first machine of the pool that can be had, the running ones first, and it is started. */
export async function startForPerson(deps: StepDeps, userId: string, untilMs: number): Promise<PersonStart> {
  const holder = personHolder(userId);
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
    await decide(deps.store, instanceId, (snapshot) => letGo(snapshot, holder, false, deps.nowMs()));
  }
  return { kind: outcome };
}

/** There is a machine now: what waited for one need not wait for its time. */
async function endWaitForCapacity({ store }: StepDeps, instanceId: string): Promise<void> {
  await decide(store, instanceId, ({ pool }) =>
    pool.waits_for === 'capacity'
      ? { kind: 'ended', change: { pool: next(pool, { ...pool, next_start_at_ms: 0 }) } }
      : { kind: 'none' },
  );
}

export interface PersonStop {
  readonly stopped: readonly string[];
  /** Machines that go on because somebody else needs them. */
  readonly kept: readonly string[];
}

/** A person lets go of the machines they hold, or by force of all: these stop under whoever works there. */
export async function stopForPerson(deps: StepDeps, userId: string, isForced: boolean): Promise<PersonStop> {
  const holder = personHolder(userId);
  const stopped: string[] = [];
  const kept: string[] = [];
  for (const machine of await deps.machines.describe(deps.instanceIds)) {
    const { instanceId, state } = machine;
    const { kind } = await decide(deps.store, instanceId, (snapshot): Decision => {
      if (!isForced && snapshot.instance.holders[holder] === undefined) return { kind: isUp(machine) ? 'keep' : 'nothing' };
      if (isForced && !isUp(machine)) return { kind: 'nothing' };
      return letGo(snapshot, holder, isForced, deps.nowMs());
    });
    // EC2 refuses to stop a machine that is still starting: the stop is decided, and the reaper makes it.
    if (kind === 'stop' && state === 'running') await deps.machines.stop(instanceId);
    if (kind === 'stop') stopped.push(instanceId);
    if (kind === 'keep') kept.push(instanceId);
  }
  return { stopped, kept };
}
