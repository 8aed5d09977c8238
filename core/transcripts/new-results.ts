import type { ChunkStore } from '../chunk-cache/ports.ts';
import { BUNDLE_EVERY } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import { correctChunk } from '../corrections/apply.ts';
import { type AssembleDeps, type Assembly, assembleSession, bundleResults } from './assemble.ts';

/** Stores of sessions, rows and results. */
export interface NewResultsDeps extends AssembleDeps {
  readonly chunks: AssembleDeps['chunks'] & Pick<ChunkStore, 'noteCorrected'>;
}

/**
 * Publishes and corrects newly transcribed chunks of a session, then writes its transcript if they were the last ones. Results of
 * a recording are bundled after every BUNDLE_EVERY chunks. Every step can be repeated.
 */
export async function processNewResults(deps: NewResultsDeps, sessionId: string, done: readonly ChunkRow[]): Promise<Assembly> {
  for (const row of done) {
    await deps.results.publishChunk(row);
    await correctChunk(deps.chunks, row, await deps.correctorFor(row.user_id));
  }
  if (done.some(({ chunk_number }) => chunk_number % BUNDLE_EVERY === 0)) await bundleResults(deps, sessionId);
  return assembleSession(deps, sessionId);
}
