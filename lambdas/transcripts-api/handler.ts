import type { Caller } from '../../core/caller.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { CONTENT_TYPES } from '../../core/contracts/formats.ts';
import { NoteId } from '../../core/contracts/notes.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { sessionFor } from '../../core/sessions/access.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { audioPage } from '../../core/transcripts/audio.ts';
import {
  deleteKnownVoice,
  deleteKnownVoices,
  type KnownVoiceDeps,
  savedVoices,
  saveKnownVoice,
  suggestSpeakers,
} from '../../core/transcripts/known-voices.ts';
import { readCurrent } from '../../core/transcripts/live.ts';
import { deleteNote, type NoteDeps, notesOf, putNote } from '../../core/transcripts/notes.ts';
import { positionsOf, waveform } from '../../core/transcripts/positions.ts';
import { type ReadDeps, readTranscript } from '../../core/transcripts/read.ts';
import { currentEdits, type EditStore, saveEdits } from '../../core/transcripts/save-edits.ts';
import { assignSpeaker, nameSpeaker, spokenSession } from '../../core/transcripts/save-speakers.ts';
import { speakerTurns } from '../../core/transcripts/speakers.ts';
import { endpoints } from '../runtime/endpoint.ts';

export interface TranscriptsDeps extends ReadDeps, NoteDeps, Pick<KnownVoiceDeps, 'knownVoices' | 'canKnowVoices'> {
  readonly sessions: Pick<SessionStore, 'get' | 'noteEdits'>;
  readonly chunks: ReadDeps['chunks'] & Pick<ChunkStore, 'listOf' | 'listSome'>;
  readonly results: ReadDeps['results'] & EditStore;
  readonly nowMs: () => number;
  /** Ids of named speakers and known voices. */
  readonly newId: () => string;
}

/** A session of the caller, also if the caller is an admin: known voices stay with their user. */
const ownSession = ({ sessions }: TranscriptsDeps, { userId }: Caller, id: string): Promise<SessionRow> =>
  sessionFor(sessions, { userId, isAdmin: false }, id);

/**
 * Transcripts, also while recording: whole or a range, in all formats; edits, notes, audio, waveform, speaker turns and known
 * voices.
 */
export const buildHandler = (deps: TranscriptsDeps, clientId: string) =>
  endpoints(
    {
      'GET /api/sessions/{id}/transcript': async ({ query, caller, id, ifNoneMatch }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        const found = await readTranscript(deps, session, query, ifNoneMatch);
        const headers = { etag: found.etag, 'cache-control': 'private, no-cache' };
        if (found.kind === 'unchanged') return { status: 304, headers };
        if (found.kind === 'range') return { status: 200, body: found.range, headers };
        if (found.kind === 'stored') return { status: 307, location: found.url, headers };
        return { status: 200, contentType: CONTENT_TYPES[query.format], content: found.content, headers };
      },

      'GET /api/sessions/{id}/transcript/edits': async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: await currentEdits(deps.results, session) };
      },

      'PUT /api/sessions/{id}/transcript/edits': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { version: await saveEdits(deps, session, body) } };
      },

      'GET /api/sessions/{id}/notes': async ({ caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { notes: await notesOf(deps, session) } };
      },

      'PUT /api/sessions/{id}/notes/{note}': async ({ body, caller, id, note }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: await putNote(deps, session, NoteId.parse(note), body) };
      },

      'DELETE /api/sessions/{id}/notes/{note}': async ({ caller, id, note }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        await deleteNote(deps, session, NoteId.parse(note));
        return { status: 204 };
      },

      'GET /api/sessions/{id}/audio': async ({ query, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: await audioPage(deps, session, query) };
      },

      'GET /api/sessions/{id}/peaks': async ({ query: { points }, caller, id }) => {
        await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: waveform(positionsOf(await deps.chunks.listOf(id)), points) };
      },

      'PUT /api/sessions/{id}/speakers': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { version: await nameSpeaker(await spokenSession(deps, session), body) } };
      },

      'POST /api/sessions/{id}/speakers/assign': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { version: await assignSpeaker(await spokenSession(deps, session), body) } };
      },

      'POST /api/sessions/{id}/speakers': async ({ body, caller, id }) => {
        const session = await sessionFor(deps.sessions, caller, id);
        return { status: 200, body: { id, turns: speakerTurns(await readCurrent(deps, session), body.segments) } };
      },

      'GET /api/sessions/{id}/speaker-suggestions': async ({ caller, id }) => {
        const session = await ownSession(deps, caller, id);
        return { status: 200, body: { suggestions: await suggestSpeakers(deps, session) } };
      },

      'GET /api/known-voices': async ({ caller }) => ({
        status: 200,
        body: { voices: await savedVoices(deps, caller.userId) },
      }),

      'POST /api/known-voices': async ({ body: { sessionId, speaker }, caller }) => ({
        status: 200,
        body: await saveKnownVoice(deps, await ownSession(deps, caller, sessionId), speaker),
      }),

      'DELETE /api/known-voices': async ({ caller }) => {
        await deleteKnownVoices(deps, caller.userId);
        return { status: 204 };
      },

      'DELETE /api/known-voices/{id}': async ({ caller, id }) => {
        await deleteKnownVoice(deps, caller.userId, id);
        return { status: 204 };
      },
    },
    clientId,
    deps,
  );
