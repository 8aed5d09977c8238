/**
 * Corrections on what is transcribed: on each chunk as it is committed, and on everything of a user after the rules have
 * changed. Nothing is transcribed again: the raw text is kept.
 */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { ChunkRow, SettingsRow } from '../contracts/rows.ts';
import type { SessionStore } from '../sessions/ports.ts';
import type { SettingsStore } from './ports.ts';
import type { VersionedCorrector } from './settings.ts';

/** Brings one chunk to the newest corrections; a user without any pays no write. */
export async function correctChunk(
  chunks: Pick<ChunkStore, 'noteCorrected'>,
  row: ChunkRow,
  { correct, count, version }: VersionedCorrector,
): Promise<void> {
  if (row.state !== 'done' || (row.corrections_version ?? 0) === version) return;
  const text = correct(row.raw_text ?? '');
  await chunks.noteCorrected(row, { text, wordCounts: count(text), version });
}

export interface ReapplyDeps {
  readonly sessions: Pick<SessionStore, 'listOf'>;
  readonly chunks: Pick<ChunkStore, 'listOf' | 'noteCorrected'>;
  readonly settings: Pick<SettingsStore, 'noteApplied'>;
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
  /** Writes a session's transcript again where one is written. */
  readonly assemble: (sessionId: string) => Promise<unknown>;
}

/** Sessions brought to the newest version in one go; the note of how far it came calls for the next. */
const SESSIONS_AT_ONCE = 10;

/** One page of a user's sessions, newest first. */
export async function reapply(deps: ReapplyDeps, settings: SettingsRow): Promise<void> {
  if (settings.applied_version === settings.version) return;
  const corrector = await deps.correctorFor(settings.user_id);
  if (corrector.version !== settings.version) return; // a newer one has its own call
  const { items, cursor } = await deps.sessions.listOf(settings.user_id, SESSIONS_AT_ONCE, settings.apply_cursor);
  for (const { session_id } of items) {
    for (const row of await deps.chunks.listOf(session_id)) await correctChunk(deps.chunks, row, corrector);
    await deps.assemble(session_id);
  }
  await deps.settings.noteApplied(settings.user_id, settings.version, cursor);
}
