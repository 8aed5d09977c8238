/**
 * A recording and its batch lock. Only the user who records may hold the lock, and it ends with the recording.
 *
 * Gotcha: a renewal that is in flight when Stop releases the lock must not restore it. So the session is checked again after the
 * lock was written.
 */
import type * as z from 'zod';
import { type LockDeps, lock, unlock } from '../batch-lock/lock.ts';
import type { Caller } from '../caller.ts';
import type { LeaseRow } from '../contracts/batch.ts';
import type { CompleteSession } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { Warn } from '../warn.ts';
import { type CompletionDeps, completeSession } from './completion.ts';
import { type DeletionDeps, deleteSession } from './deletion.ts';
import type { SessionStore } from './ports.ts';
import { sessionDeleted } from './session.ts';

/** Stores of sessions and of their locks. */
export interface RecordingDeps extends LockDeps {
  readonly sessions: Pick<SessionStore, 'get'>;
}

/** Refuses to lock another user's, a deleted or a completed session. Unknown sessions pass: older recorders do not create them. */
async function checkMayLock({ sessions }: RecordingDeps, { userId }: Caller, sessionId: string): Promise<void> {
  const session = await sessions.get(sessionId);
  if (session === undefined) return;
  if (session.user_id !== userId) throw new DomainError('forbidden', 'this session belongs to another user');
  if (session.state === 'deleted') throw sessionDeleted();
  if (session.state === 'completed') throw new DomainError('not-recording', 'the recording of this session has stopped');
}

/**
 * Creates or renews the lock of the caller's recording.
 * @throws DomainError `forbidden`, `deleted`, `not-recording`, `lock-expired`, `busy`
 */
export async function lockRecording(deps: RecordingDeps, caller: Caller, sessionId: string): Promise<LeaseRow> {
  await checkMayLock(deps, caller, sessionId);
  const lease = await lock(deps, { userId: caller.userId, sessionId });
  await checkMayLock(deps, caller, sessionId).catch(async (error: unknown) => {
    await unlock(deps, caller.userId, sessionId);
    throw error;
  });
  return lease;
}

/** Releases the lock of an ended recording, in case the recorder does not. If this fails, the lock expires by itself. */
async function releaseLock(deps: LockDeps, { user_id, session_id }: SessionRow, warn: Warn): Promise<void> {
  await unlock(deps, user_id, session_id).catch((error: unknown) => warn('lock not released', error));
}

/**
 * Completes a recording and releases its lock. Returns the number of unfinished chunks. Does nothing if the recording has gone on since:
 * `resumptions` is how often it had gone on when the caller began. @throws as `completeSession`
 */
export async function endRecording(
  deps: CompletionDeps & LockDeps,
  session: SessionRow,
  { chunkCount, resumptions }: z.output<typeof CompleteSession>,
  warn: Warn,
): Promise<number> {
  if (resumptions !== undefined && resumptions !== (session.resumptions ?? 0)) return 0;
  const waiting = await completeSession(deps, session, chunkCount);
  await releaseLock(deps, session, warn);
  return waiting;
}

/** Deletes a recording and releases its lock. */
export async function deleteRecording(deps: DeletionDeps & LockDeps, session: SessionRow, warn: Warn): Promise<void> {
  await deleteSession(deps, session);
  await releaseLock(deps, session, warn);
}
