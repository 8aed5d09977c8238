import type * as z from 'zod';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { type RetryDeps, transcribeNow } from '../chunk-cache/retry.ts';
import type { TranscribeRange } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { takeBackParts } from '../sessions/settled.ts';
import { rowsWithin } from './positions.ts';

/** Stores of rows, and the queues. */
export interface RangeDeps extends RetryDeps {
  readonly sessions: Pick<SessionStore, 'unsettle'>;
  readonly chunks: RetryDeps['chunks'] & Pick<ChunkStore, 'listOf'>;
}

/** Queues the chunks of a range before all other work. @throws DomainError `not-ready` if the range has no audio */
export async function transcribeRange(deps: RangeDeps, session: SessionRow, { start, end }: z.infer<typeof TranscribeRange>) {
  const id = session.session_id;
  const rows = rowsWithin(await deps.chunks.listOf(id), start, end);
  if (rows.length === 0) throw new DomainError('not-ready', 'no audio of this range has arrived');
  const waitingFor = await transcribeNow(deps, rows);
  await takeBackParts(deps.sessions, session, waitingFor[0]);
  const status = waitingFor.length === 0 ? ('completed' as const) : ('queued' as const);
  return { id, start, end, status, waitingFor, transcript: `/api/sessions/${id}/transcript?start=${start}&end=${end}` };
}
