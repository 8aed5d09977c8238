/** Reads and saves a user's edits. If two clients edit the same version, the second one gets an error. */
import type { Edits } from '../contracts/edits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from '../sessions/ports.ts';
import type { ResultReader, UserChanges } from './outcomes.ts';

export interface EditStore extends Pick<ResultReader, 'readEdits'> {
  /** Replaces the object with this tag (undefined: none); false if it is not the current one. */
  writeEdits(session: SessionRow, changes: UserChanges, replaces: string | undefined): Promise<boolean>;
}

/** The newest edits; version 0 if there are none. */
export async function currentEdits(store: Pick<EditStore, 'readEdits'>, session: SessionRow): Promise<Edits> {
  const { version = 0, edits = [] } = (await store.readEdits(session)) ?? {};
  return { version, edits };
}

/** Saves the edits; returns their new version. @throws DomainError `edits-changed` */
export async function saveEdits(
  deps: { readonly results: EditStore; readonly sessions: Pick<SessionStore, 'noteEdits'> },
  session: SessionRow,
  { version, edits }: Edits,
): Promise<number> {
  const current = await deps.results.readEdits(session);
  const isNewest = (current?.version ?? 0) === version;
  const next = { version: version + 1, edits, speakers: current?.speakers };
  if (!isNewest || !(await deps.results.writeEdits(session, next, current?.tag)))
    throw new DomainError('edits-changed', 'the transcript was edited in the meantime; load it again', {
      version: current?.version ?? 0,
    });
  await deps.sessions.noteEdits(session.session_id, next.version);
  return next.version;
}
