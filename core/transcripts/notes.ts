/** Notes of a recording. They are stored by chunk and seconds within it, because its times shift when earlier chunks arrive. */
import type * as z from 'zod';
import type { ChunkStore } from '../chunk-cache/ports.ts';
import { MAX_NOTES, type Note, type PutNote } from '../contracts/notes.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import type { Interruption } from './marks.ts';
import { type PositionedRow, positionsOf } from './positions.ts';
import { round } from './times.ts';

type StoredNote = Omit<Note, 'at'>;

/** The notes of a session, and the tag of their object (undefined: there is none). */
export interface StoredNotes {
  readonly notes: readonly StoredNote[];
  readonly tag: string | undefined;
}

/** One object per session with all of its notes. */
export interface NoteStore {
  readNotes(session: SessionRow): Promise<StoredNotes>;
  /** Replaces the object with this tag; false if it is not the current one. */
  writeNotes(session: SessionRow, notes: readonly StoredNote[], replaces: string | undefined): Promise<boolean>;
}

export interface NoteDeps {
  readonly notes: NoteStore;
  readonly chunks: Pick<ChunkStore, 'listOf'>;
}

function placed(note: StoredNote, chunks: readonly PositionedRow[]): Note {
  const chunk = chunks.find(({ row }) => row.chunk_number === note.chunkNumber);
  return chunk === undefined ? note : { ...note, at: round(Math.min(chunk.end, chunk.start + note.seconds)) };
}

/** Places these notes of a session in its time, in order. */
async function inOrder({ chunks }: Pick<NoteDeps, 'chunks'>, session: SessionRow, notes: readonly StoredNote[]): Promise<Note[]> {
  if (notes.length === 0) return [];
  const rows = positionsOf(await chunks.listOf(session.session_id));
  return [...notes].sort(byTime).map((note) => placed(note, rows));
}

const byTime = (a: StoredNote, b: StoredNote): number => a.chunkNumber - b.chunkNumber || a.seconds - b.seconds;

/** The notes of a session by time, with their times. */
export const notesOf = async (deps: NoteDeps, session: SessionRow): Promise<Note[]> =>
  inOrder(deps, session, (await deps.notes.readNotes(session)).notes);

/** The stored interruptions of a session by time, as exports mark them. */
export async function interruptionsOf(deps: NoteDeps, session: SessionRow, { notes }: StoredNotes): Promise<Interruption[]> {
  const stored = notes.filter(({ kind }) => kind === 'interruption');
  return (await inOrder(deps, session, stored)).flatMap(({ at, lostSeconds }) => (at === undefined ? [] : { at, lostSeconds }));
}

const change = (
  { notes }: NoteDeps,
  session: SessionRow,
  changed: (notes: readonly StoredNote[]) => readonly StoredNote[],
): Promise<undefined> =>
  optimistically('the notes', async () => {
    const stored = await notes.readNotes(session);
    return (await notes.writeNotes(session, changed(stored.notes), stored.tag)) ? undefined : CONFLICT;
  });

/** Writes a note, or replaces the one with this id. @throws DomainError `invalid` if there are too many; `busy` */
export async function putNote(deps: NoteDeps, session: SessionRow, id: string, note: z.output<typeof PutNote>): Promise<Note> {
  const written = { ...note, id };
  await change(deps, session, (notes) => {
    const others = notes.filter((other) => other.id !== id);
    if (others.length >= MAX_NOTES) throw new DomainError('invalid', `a recording can have ${MAX_NOTES} notes`);
    return [...others, written];
  });
  return placed(written, positionsOf(await deps.chunks.listOf(session.session_id)));
}

/** Deletes a note, if it exists. @throws DomainError `busy` */
export const deleteNote = (deps: NoteDeps, session: SessionRow, id: string): Promise<undefined> =>
  change(deps, session, (notes) => notes.filter((note) => note.id !== id));
