import { SessionId } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from './ports.ts';

export interface Caller {
  readonly userId: string;
  readonly isAdmin: boolean;
}

/** The session, if it exists and the caller may see it: their own, or any for an admin. */
export async function sessionFor(store: Pick<SessionStore, 'get'>, caller: Caller, sessionId: string): Promise<SessionRow> {
  if (!SessionId.safeParse(sessionId).success) throw new DomainError('not-found', 'there is no such session');
  const session = await store.get(sessionId);
  if (session === undefined) throw new DomainError('not-found', 'there is no such session');
  if (session.user_id !== caller.userId && !caller.isAdmin)
    throw new DomainError('forbidden', 'this session belongs to somebody else');
  if (session.state === 'deleted') throw new DomainError('deleted', 'this session was deleted');
  return session;
}
