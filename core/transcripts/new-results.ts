import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { correctChunk } from '../corrections/apply.ts';
import type { SessionStore } from '../sessions/ports.ts';
import { takeBackParts } from '../sessions/settled.ts';
import { type AssembleDeps, type Assembly, assembleSession } from './assemble.ts';
import { settleParts } from './joined-parts.ts';

/** Stores of sessions, rows and results. */
export interface NewResultsDeps extends AssembleDeps {
  readonly sessions: AssembleDeps['sessions'] & Pick<SessionStore, 'noteTextChanged' | 'settle' | 'unsettle'>;
  readonly chunks: AssembleDeps['chunks'] & Pick<ChunkStore, 'noteCorrected'>;
}

/**
 * Records that the text of a session has changed from `lowestChunk` on. Parts of the old text are taken back first, so that no
 * reader takes them for the new revision.
 */
async function noteChange({ sessions }: NewResultsDeps, sessionId: string, lowestChunk: number): Promise<void> {
  const session = await sessions.get(sessionId);
  if (session !== undefined) await takeBackParts(sessions, session, lowestChunk);
  await sessions.noteTextChanged(sessionId);
}

/**
 * Processes chunks of a session that have new outcomes: publishes and corrects those that are transcribed, stores the next parts
 * of the text, and writes the transcript if they were the last ones. Every step can be repeated.
 */
export async function processNewResults(
  deps: NewResultsDeps,
  sessionId: string,
  changed: readonly ChunkRow[],
): Promise<Assembly> {
  const numbers = changed.map(({ chunk_number }) => chunk_number);
  if (numbers.length > 0) await noteChange(deps, sessionId, Math.min(...numbers));
  for (const row of changed) {
    if (row.state !== 'done') continue;
    await deps.results.publishChunk(row);
    await correctChunk(deps.chunks, row, await deps.correctorFor(row.user_id));
  }
  const session = numbers.length > 0 ? await deps.sessions.get(sessionId) : undefined;
  if (session !== undefined && session.state !== 'deleted') await settleParts(deps, session, Math.max(...numbers));
  return assembleSession(deps, sessionId);
}
