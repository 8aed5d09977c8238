import { isRecording, type LockDeps } from '../batch-lock/lock.ts';
import type { RunRow } from '../contracts/batch.ts';
import { DomainError } from '../errors.ts';
import { HOUR_MS, iso } from '../time.ts';
import type { Warn } from '../warn.ts';
import { type BeginDeps, begin } from './run.ts';

/** Dependencies of a run that an admin starts. */
export interface ManualDeps extends BeginDeps, LockDeps {
  /** Hours that recordings can delay the batch. */
  readonly maxBlockedHours: number;
  /** Invokes the BatchRunner now. If this fails, its schedule starts the run within a minute. */
  readonly kick: () => Promise<void>;
}

/** Refuses a run while a recording holds the lock, unless recordings have blocked the batch for `maxBlockedHours`. */
async function checkMayRun({ locks, maxBlockedHours, nowMs }: ManualDeps): Promise<void> {
  const gate = await locks.readGate();
  const blockedMs = nowMs() - (gate.blocked_since_ms ?? nowMs());
  if (isRecording(gate, nowMs()) && blockedMs < maxBlockedHours * HOUR_MS)
    throw new DomainError('session-active', 'a recording holds the lock; try again when it has ended, or start a dry run', {
      expiresAt: iso(gate.live_until_ms),
    });
}

/**
 * Starts a run now, or returns the active one. A dry run is never refused.
 * @throws DomainError `session-active` during a recording; `busy`, `too-many`
 */
export async function beginManually(deps: ManualDeps, dryRun: boolean, warn: Warn): Promise<RunRow> {
  if (!dryRun) await checkMayRun(deps);
  const run = await begin(deps, { trigger: 'manual', dryRun });
  await deps.kick().catch((error: unknown) => warn('the runner could not be invoked; its schedule starts the run', error));
  return run;
}
