/**
 * Applies a user's corrections: to each chunk when it is committed, and to all of the user's sessions after the rules changed.
 * Nothing is transcribed again, because each row keeps its raw text.
 *
 * A change of the rules is applied in slices. Each slice notes its position in the settings row, and the stream record of that
 * change starts the next slice. The last slice notes the version as applied. A newer version starts again at the newest session.
 */
import pMap from 'p-map';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { type Containment, forEachContained } from '../contained.ts';
import type { ChunkRow, SessionRow, SettingsRow } from '../contracts/rows.ts';
import type { SessionStore } from '../sessions/ports.ts';
import type { SettingsStore } from './ports.ts';
import type { VersionedCorrector } from './settings.ts';

const isStale = (row: ChunkRow, { version }: Pick<VersionedCorrector, 'version'>): boolean =>
  row.state === 'done' && (row.corrections_version ?? 0) !== version;

/** Applies the newest corrections to a chunk. Without corrections, or if they are applied already, nothing is written. */
export async function correctChunk(
  chunks: Pick<ChunkStore, 'noteCorrected'>,
  row: ChunkRow,
  { correct, count, version }: VersionedCorrector,
): Promise<void> {
  if (!isStale(row, { version })) return;
  const text = correct(row.raw_text ?? '');
  await chunks.noteCorrected(row, { text, wordCounts: count(text), version });
}

export interface ReapplyDeps {
  readonly sessions: Pick<SessionStore, 'listOf' | 'noteTextChanged'>;
  readonly chunks: Pick<ChunkStore, 'listOf' | 'noteCorrected'>;
  readonly settings: Pick<SettingsStore, 'noteApplied' | 'noteReached'>;
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
  /** Writes a session's transcript again if it has one. */
  readonly assemble: (sessionId: string) => Promise<unknown>;
  readonly nowMs: () => number;
}

/** Rows and time of one slice. Slices of other users and new chunks get their turn between two slices. */
const SLICE_ROWS = 500;
const SLICE_SECONDS = 20;
const ROWS_AT_ONCE = 16;
const SESSION_SECONDS = 80;

interface Budget {
  rows: number;
  readonly untilMs: number;
}
const isSpent = ({ rows, untilMs }: Budget, nowMs: number): boolean => rows <= 0 || nowMs >= untilMs;

/** Corrects the rows of a session within the budget, then its transcript. Returns false if rows are left. */
async function correctSession(
  deps: ReapplyDeps,
  sessionId: string,
  corrector: VersionedCorrector,
  budget: Budget,
): Promise<boolean> {
  let isAll = true;
  const stale = (await deps.chunks.listOf(sessionId)).filter((row) => isStale(row, corrector));
  await pMap(
    stale,
    async (row) => {
      if (isSpent(budget, deps.nowMs())) {
        isAll = false;
        return;
      }
      budget.rows -= 1;
      await correctChunk(deps.chunks, row, corrector);
    },
    { concurrency: ROWS_AT_ONCE },
  );
  if (isAll) {
    await deps.sessions.noteTextChanged(sessionId);
    await deps.assemble(sessionId);
  }
  return isAll;
}

/** Processes one slice of a user's sessions, newest first. A session that fails keeps its texts and does not block the others. */
export async function reapply(deps: ReapplyDeps, settings: SettingsRow, containment: Containment): Promise<void> {
  const { user_id, version } = settings;
  if (settings.applied_version === version) return;
  const corrector = await deps.correctorFor(user_id);
  if (corrector.version !== version) return; // the change to the newer version has its own invocation
  const budget = { rows: SLICE_ROWS, untilMs: deps.nowMs() + 1000 * SLICE_SECONDS };
  let cursor = settings.apply_cursor;
  while (!isSpent(budget, deps.nowMs())) {
    const page = await deps.sessions.listOf(user_id, 1, cursor);
    let isAll = true;
    const work = async ({ session_id }: SessionRow): Promise<void> => {
      isAll = await correctSession(deps, session_id, corrector, budget);
    };
    const one = { idOf: ({ session_id }: SessionRow) => session_id, work, seconds: SESSION_SECONDS };
    const { left } = await forEachContained(page.items, one, containment);
    if (!isAll || left > 0) break;
    if (page.cursor === undefined) return deps.settings.noteApplied(user_id, version);
    cursor = page.cursor;
  }
  await deps.settings.noteReached(user_id, version, cursor);
}
