/** Memory stores of what belongs to recordings besides their sessions and chunks. */
import type { RecordingDefaults } from '../../core/contracts/http.ts';
import type { KnownVoicesRow } from '../../core/contracts/known-voices.ts';
import type { RecordingDefaultsStore } from '../../core/sessions/ports.ts';
import type { KnownVoiceStore } from '../../core/transcripts/known-voices.ts';
import type { NoteStore, StoredNotes } from '../../core/transcripts/notes.ts';

export function memoryRecordingDefaults(): RecordingDefaultsStore {
  const known = new Map<string, RecordingDefaults>();
  return {
    get: async (userId) => known.get(userId) ?? {},
    put: async (userId, defaults) => void known.set(userId, defaults),
  };
}

export function memoryNotes(): NoteStore {
  const known = new Map<string, { readonly notes: StoredNotes['notes']; readonly version: number }>();
  return {
    async readNotes({ session_id }) {
      const { notes = [], version } = known.get(session_id) ?? {};
      return { notes, tag: version === undefined ? undefined : String(version) };
    },
    async writeNotes({ session_id }, notes, replaces) {
      const version = known.get(session_id)?.version;
      if ((version === undefined ? undefined : String(version)) !== replaces) return false;
      known.set(session_id, { notes, version: (version ?? 0) + 1 });
      return true;
    },
  };
}

export function memoryKnownVoices(): KnownVoiceStore {
  const rows = new Map<string, KnownVoicesRow>();
  return {
    get: async (userId) => rows.get(userId),
    async put(userId, row, overRevision) {
      if (rows.get(userId)?.revision !== overRevision) return false;
      rows.set(userId, row);
      return true;
    },
    remove: async (userId) => void rows.delete(userId),
  };
}
