import { useRef, useState } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import { addNote, type NotePosition, notePosition } from './recording.ts';
import type { RecordingView } from './upload-queue.ts';

/** The notes of the active recording, and a field for the next one. A note gets the time at which its first letter was typed. */
export function Notes({ recording: { notes = [] } }: { readonly recording: RecordingView }) {
  const [text, setText] = useState('');
  const from = useRef<NotePosition | undefined>(undefined);
  const change = (next: string): void => {
    if (text === '') from.current = notePosition();
    setText(next);
  };
  const add = (): void => {
    if (text.trim() !== '') void addNote(text.trim(), from.current);
    setText('');
  };
  return (
    <section class="card" aria-labelledby="notes-title">
      <h2 id="notes-title">Notes</h2>
      {notes.length > 0 && (
        <ul class="notes">
          {[...notes]
            .sort((a, b) => a.at - b.at)
            .map((note) => (
              <li key={note.id} class={note.kind === 'interruption' ? 'soft' : ''}>
                <span class="note-time">{clock(note.at)}</span> {note.text}
              </li>
            ))}
        </ul>
      )}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <label class="visually-hidden" for="note">
          New note at this time
        </label>
        <input
          id="note"
          class="input grow"
          maxLength={2000}
          placeholder="A note at this time"
          value={text}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
        <button type="submit" class="button" disabled={text.trim() === ''}>
          Add note
        </button>
      </form>
    </section>
  );
}
