import { api } from '../api/client.ts';
import { clock } from '../ui/format.ts';
import { useLast } from '../ui/use-last.ts';
import { useLoaded } from '../ui/use-loaded.ts';
import type { Player } from './player.ts';

interface SessionNotesProps {
  readonly id: string;
  readonly player: Player;
  /** Changes when the recording has grown, so that notes get their times. */
  readonly version: string;
}

/** The notes of a recording, and its interruptions; their times open the audio there. */
export function SessionNotes({ id, player, version }: SessionNotesProps) {
  const loaded = useLoaded(`notes ${id} ${version}`, () => api('GET /api/sessions/{id}/notes', { path: { id } }));
  const { notes } = useLast(loaded.value) ?? { notes: [] };
  if (notes.length === 0) return null;
  return (
    <section class="card" aria-labelledby="notes-title">
      <h2 id="notes-title">Notes</h2>
      <ul class="notes">
        {notes.map(({ id: note, at, text, kind }) => (
          <li key={note} class={kind === 'interruption' ? 'soft' : ''}>
            {at !== undefined && (
              <button type="button" class="button quiet note-time" onClick={() => void player.seek(at)}>
                {clock(at)}
              </button>
            )}{' '}
            {text}
          </li>
        ))}
      </ul>
    </section>
  );
}
