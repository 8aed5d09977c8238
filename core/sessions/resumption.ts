/**
 * Goes on with a completed recording: the session records again, from the next chunk number on, and its text grows.
 *
 * Gotcha: two recorders would write the same chunk numbers. The first one sets its key in the session's row; a repeated request
 * with the same key gets the same response, every other one an error until the recording is completed.
 */

import type { ChunkStore } from '../chunk-cache/ports.ts';
import { ABANDONED_SECONDS } from '../contracts/limits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from './ports.ts';
import { chunkCountOf, isBeingRetranscribed, sessionDeleted, viewSession } from './session.ts';

export interface ResumptionDeps {
  readonly sessions: Pick<SessionStore, 'get' | 'resume'>;
  readonly chunks: Pick<ChunkStore, 'listOf'>;
  readonly wake: () => Promise<void>;
  readonly nowMs: () => number;
}

/**
 * Whether this key has resumed the recording that is active.
 * @throws DomainError `session-active` if it was not this key, `idempotency-mismatch` if the recording that it resumed has ended
 */
function isResumedBy(session: SessionRow, key: string | undefined): boolean {
  if (session.state === 'deleted') throw sessionDeleted();
  const isSame = key !== undefined && session.resumed_by === key;
  if (session.state === 'recording' && isSame) return true;
  if (isSame)
    throw new DomainError('idempotency-mismatch', 'the recording that this Idempotency-Key resumed has ended; use a new one');
  if (session.state === 'completed') return false;
  throw new DomainError('session-active', 'this session is being recorded; stop that recording first');
}

/**
 * Resumes the recording of a completed session. `key`: chosen by the client, the same for repeated requests.
 * @throws DomainError `session-active` if it is being recorded; `not-ready` while it is transcribed again; `idempotency-mismatch`; `deleted`
 */
export async function resumeSession(deps: ResumptionDeps, session: SessionRow, key: string | undefined) {
  const { session_id: id } = session;
  let isResumed = false;
  if (!isResumedBy(session, key)) {
    if (isBeingRetranscribed(session))
      throw new DomainError('not-ready', 'this session is being transcribed again; go on when that is done');
    isResumed = await deps.sessions.resume(session, { by: key, dueAtMs: deps.nowMs() + 1000 * ABANDONED_SECONDS });
  }
  const now = await deps.sessions.get(id);
  if (now === undefined || now.state === 'deleted') throw sessionDeleted();
  if (!isResumed && !isResumedBy(now, key))
    throw new DomainError('busy', 'the session is being changed by other requests; try again');
  if (now.live) await deps.wake(); // the machine boots while the first chunk is recorded
  const { resumptions = 0 } = now;
  return { ...viewSession(now), resumptions, nextChunkNumber: chunkCountOf(now, await deps.chunks.listOf(id)) + 1 };
}
