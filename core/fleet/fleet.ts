/**
 * Who holds a GPU machine, and who may stop it: decisions on one snapshot of the pool row and an instance row.
 *
 *   idle --join--> running --leave of the last holder--> draining --confirmed stopped--> idle
 *
 * - A join is refused while a stop is under way, so a decided stop can never hit somebody who joined after it.
 * - A run leaves only when it has seen the newest `wanted_seq`: whoever raised it after that finds no serving run and starts
 *   one, whoever raised it before was looked for. No wish is lost in between.
 * - A run leaves a machine running that it found running; the reaper adopts such a machine for a while and then stops it.
 */
import type { InstanceRow, PoolRow } from '../contracts/rows.ts';
import type { FleetChange, Machine, RunStatus } from './ports.ts';
import { liveHolders, without } from './rows.ts';

export interface Snapshot {
  readonly pool: PoolRow;
  readonly instance: InstanceRow;
}

/** The row that takes the place of `from`; `to` is whole, so that what is left out of it is gone. */
const next = <R extends { readonly version: number }>(from: R, to: R): { from: R; to: R } => ({
  from,
  to: { ...to, version: from.version + 1 },
});

/** A holder that says nothing more is dead after this: boot, the longest drain, and room to stop. */
export const HOLDER_SECONDS = 4 * 3600 + 20 * 60;

/** A machine that runs without any holder known to us gets this long: it was just created, or somebody started it by hand. */
export const ADOPTION_SECONDS = 10 * 60;
const ADOPTED = 'adopted';

export type Join =
  | { readonly kind: 'joined'; readonly change: FleetChange }
  | { readonly kind: 'already-joined' }
  | { readonly kind: 'served'; readonly by: string }
  | { readonly kind: 'draining' };

/** Whether `runId` may take the instance. `machine` is what EC2 says now: whoever finds it stopped is the one to start it. */
export function join({ pool, instance }: Snapshot, runId: string, machine: Machine, nowMs: number): Join {
  if (instance.holders[runId] !== undefined) return { kind: 'already-joined' };
  if (pool.serving_run !== undefined && pool.serving_run !== runId) return { kind: 'served', by: pool.serving_run };
  if (instance.state === 'draining') return { kind: 'draining' };
  const down = machine.state === 'stopped' || machine.state === 'stopping';
  return {
    kind: 'joined',
    change: {
      pool: next(pool, { ...pool, serving_run: runId }),
      instance: next(instance, {
        ...instance,
        state: 'running',
        // An adopted machine has its first real holder now.
        holders: { ...without(instance.holders, ADOPTED), [runId]: nowMs + HOLDER_SECONDS * 1000 },
        started_by_us: instance.started_by_us || down,
      }),
    },
  };
}

const FIRST_BACKOFF_SECONDS = 60;
const LONGEST_BACKOFF_SECONDS = 2 * 3600;
/** One failure may be anything: the next run may come at once. From the second in a row on they wait. */
const backoffMs = (failures: number): number =>
  failures < 2 ? 0 : 1000 * Math.min(FIRST_BACKOFF_SECONDS * 2 ** (failures - 2), LONGEST_BACKOFF_SECONDS);

/** How a run came to its end; an abort is a command, and says nothing of the worker. */
type Outcome = 'done' | 'failed' | 'aborted';

/** The pool once a run has ended. Repeated failures make the next runs wait, so that a broken worker cannot boot for ever. */
function ended(pool: PoolRow, runId: string, outcome: Outcome, nowMs: number): PoolRow {
  if (pool.serving_run !== runId) return pool;
  const { serving_run: _left, ...rest } = pool;
  const next = { ...rest, epoch: pool.epoch + 1 };
  if (outcome === 'aborted') return next;
  const failures = outcome === 'failed' ? pool.failed_runs + 1 : 0;
  return { ...next, failed_runs: failures, next_start_at_ms: outcome === 'failed' ? nowMs + backoffMs(failures) : 0 };
}

/** A run that ended without ever serving: counted as failed, so that the next one has a name of its own. */
export const skipEpoch = (pool: PoolRow, nowMs: number): { from: PoolRow; to: PoolRow } =>
  next(pool, ended({ ...pool, serving_run: runName(pool) }, runName(pool), 'failed', nowMs));

/** What becomes of a machine when these holders are gone. */
function released(instance: InstanceRow, holders: InstanceRow['holders'], nowMs: number): { row: InstanceRow; stop: boolean } {
  const row = { ...instance, holders };
  if (instance.state !== 'running' || liveHolders(row, nowMs).length > 0) return { row, stop: false };
  if (!instance.started_by_us) return { row: { ...row, state: 'idle' }, stop: false };
  return { row: { ...row, state: 'draining', fence: instance.fence + 1 }, stop: true };
}

export type Leave = { readonly kind: 'wanted-again' } | { readonly kind: 'stop' | 'keep'; readonly change: FleetChange };

/**
 * A run's end. `seenSeq`: newest wish the worker had seen when it found nothing to do; undefined when the run failed.
 * `stop` is told to every caller while the machine is draining: stopping twice is harmless, not stopping is not.
 */
export function leave({ pool, instance }: Snapshot, runId: string, seenSeq: number | undefined, nowMs: number): Leave {
  if (seenSeq !== undefined && seenSeq < pool.wanted_seq && instance.holders[runId] !== undefined)
    return { kind: 'wanted-again' };
  const { row, stop } = released(instance, without(instance.holders, runId), nowMs);
  return {
    kind: stop || row.state === 'draining' ? 'stop' : 'keep',
    change: {
      pool: next(pool, ended(pool, runId, seenSeq === undefined ? 'failed' : 'done', nowMs)),
      instance: next(instance, row),
    },
  };
}

/** A machine that EC2 reports as stopped is free for the next run. */
export const confirmStopped = (instance: InstanceRow): FleetChange => ({
  instance: next(instance, { ...instance, state: 'idle', started_by_us: false, holders: {} }),
});

export type Reap =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'adopt' | 'forget' | 'stopped'; readonly change: FleetChange }
  | { readonly kind: 'stop'; readonly change?: FleetChange };

/**
 * Level-triggered: what has to happen so that the machine's real state and its holders agree.
 * `deadRuns`: holders and serving run whose execution does not run any more, and how it ended.
 */
export function reap(
  { pool, instance }: Snapshot,
  machine: Machine,
  deadRuns: ReadonlyMap<string, RunStatus>,
  nowMs: number,
): Reap {
  const gone = machine.state === 'stopped' || machine.state === 'gone';
  const holders = Object.fromEntries(
    Object.entries(instance.holders).filter(([runId, deadlineMs]) => deadlineMs > nowMs && !deadRuns.has(runId)),
  );
  const lost = Object.keys(instance.holders).length - Object.keys(holders).length;
  const abandoned = pool.serving_run !== undefined && deadRuns.has(pool.serving_run) ? pool.serving_run : undefined;
  const outcome = abandoned !== undefined && deadRuns.get(abandoned) === 'aborted' ? 'aborted' : 'failed';
  const poolChange = abandoned === undefined ? {} : { pool: next(pool, ended(pool, abandoned, outcome, nowMs)) };

  if (gone && instance.state !== 'idle' && Object.keys(holders).length === 0) {
    return { kind: 'stopped', change: { ...poolChange, ...confirmStopped(instance) } };
  }
  if (instance.state === 'draining') return machine.state === 'running' ? { kind: 'stop' } : { kind: 'nothing' };
  const up = machine.state === 'running' || machine.state === 'pending';
  if (up && instance.state === 'idle') {
    const adopted: InstanceRow = {
      ...instance,
      state: 'running',
      started_by_us: true,
      holders: { [ADOPTED]: nowMs + ADOPTION_SECONDS * 1000 },
    };
    return { kind: 'adopt', change: { ...poolChange, instance: next(instance, adopted) } };
  }
  if (lost === 0 && abandoned === undefined) return { kind: 'nothing' };
  const { row, stop } = released(instance, holders, nowMs);
  const change = { ...poolChange, instance: next(instance, row) };
  return stop ? { kind: 'stop', change } : { kind: 'forget', change };
}

/** Name of the run that all who want one now want: the same for everybody until a run has ended. */
export const runName = (pool: PoolRow): string => `run-${pool.epoch + 1}`;

/** Whether a wish needs a run of its own, or is served, or must wait after failed runs. */
export const needsRun = (pool: PoolRow, nowMs: number): boolean =>
  pool.serving_run === undefined && pool.next_start_at_ms <= nowMs;
