import type { Caller } from '../caller.ts';
import { SessionId } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from './ports.ts';
import { sessionDeleted } from './session.ts';

/** A session that the caller may access: their own; any, for an admin. @throws DomainError `not-found`, `forbidden`, `deleted` */
export async function sessionFor(store: Pick<SessionStore, 'get'>, caller: Caller, sessionId: string): Promise<SessionRow> {
  if (!SessionId.safeParse(sessionId).success) throw new DomainError('not-found', 'there is no such session');
  const session = await store.get(sessionId);
  if (session === undefined) throw new DomainError('not-found', 'there is no such session');
  if (session.user_id !== caller.userId && !caller.isAdmin)
    throw new DomainError('forbidden', 'this session belongs to another user');
  if (session.state === 'deleted') throw sessionDeleted();
  return session;
}
