/** A person's edits are saved: of two who edit the same version, the second is told. */

import type { Edits } from '../contracts/edits.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import type { SessionStore } from '../sessions/ports.ts';
import type { ResultReader } from './outcomes.ts';

export interface EditStore extends Pick<ResultReader, 'readEdits'> {
  /** False when the object of this tag (undefined: none) is not the current one any more. */
  writeEdits(session: SessionRow, edits: Edits, replaces: string | undefined): Promise<boolean>;
}

/** Answers the version that they have now. @throws DomainError `edits-changed` */
export async function saveEdits(
  deps: { readonly results: EditStore; readonly sessions: Pick<SessionStore, 'noteEdits'> },
  session: SessionRow,
  { version, edits }: Edits,
): Promise<number> {
  const current = await deps.results.readEdits(session);
  const isNewest = (current?.version ?? 0) === version;
  const next = { version: version + 1, edits };
  if (!isNewest || !(await deps.results.writeEdits(session, next, current?.tag)))
    throw new DomainError('edits-changed', 'somebody else has edited this transcript; load it again', {
      version: current?.version ?? 0,
    });
  await deps.sessions.noteEdits(session.session_id, next.version);
  return next.version;
}
