/** The current transcript of a session: the stored one if it is final, otherwise joined from the results so far. */
import type { ChunkStore } from '../chunk-cache/ports.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { Transcript } from '../contracts/transcript.ts';
import type { VersionedCorrector } from '../corrections/settings.ts';
import { DomainError } from '../errors.ts';
import { rowsOfText } from '../sessions/retranscription.ts';
import { withUserChanges } from './edits.ts';
import { joinChunks } from './join.ts';
import { editsOf, fingerprint, outcomesOf, type ResultReader } from './outcomes.ts';

export interface LiveDeps {
  readonly chunks: Pick<ChunkStore, 'listOf'>;
  readonly results: ResultReader & {
    readTranscript(session: SessionRow): Promise<string>;
    writeLive(session: SessionRow, json: string): Promise<void>;
  };
  readonly correctorFor: (userId: string) => Promise<VersionedCorrector>;
}

export interface CurrentTranscript {
  /** Changes whenever the text may have changed. */
  readonly tag: string;
  readonly isFinal: boolean;
  /** Reads or joins the transcript; returns its JSON. */
  readonly read: () => Promise<string>;
}

/** @throws DomainError `not-ready` if no chunk of the session has arrived */
export async function currentTranscript(deps: LiveDeps, session: SessionRow): Promise<CurrentTranscript> {
  if (session.transcript_of !== undefined)
    return { tag: session.transcript_of, isFinal: true, read: () => deps.results.readTranscript(session) };
  const rows = rowsOfText(session, await deps.chunks.listOf(session.session_id));
  if (rows.length === 0) throw new DomainError('not-ready', 'there is no transcript yet: no chunk has arrived');
  const corrector = await deps.correctorFor(session.user_id);
  return {
    tag: `live-${fingerprint(session, rows, corrector.version)}`,
    isFinal: false,
    read: async () => {
      const joined = joinChunks(session.session_id, await outcomesOf(deps.results, session, rows));
      const edits = await editsOf(deps.results, session);
      return JSON.stringify({ ...withUserChanges(joined, corrector.correct, edits), final: false });
    },
  };
}

export const readCurrent = async (deps: LiveDeps, session: SessionRow): Promise<Transcript> =>
  Transcript.parse(JSON.parse(await (await currentTranscript(deps, session)).read()));
