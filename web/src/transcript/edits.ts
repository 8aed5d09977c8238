/**
 * Edits of a transcript, which the server stores separately from the recognized text. Saving uses optimistic locking, so that
 * two users who edit at once do not overwrite each other.
 */
import type { Edit, Edits } from '../../../core/contracts/edits.ts';
import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import { ApiError, api } from '../api/client.ts';

const ATTEMPTS = 4;
const middle = ({ start, end }: { start: number; end: number }): number => (start + end) / 2;

/** The edit that this word belongs to. Edits do not overlap. */
export const editAt = (edits: readonly Edit[], word: Pick<ShownWord, 'start' | 'end'>): Edit | undefined =>
  edits.find(({ start, end }) => middle(word) >= start && middle(word) < end);

/** Minimum duration of an edit, so that an edit of very short words covers them. */
const MIN_EDIT_SECONDS = 0.02;

/** Replaces the words of this span with `text`, and removes the edits that it overlaps. Without `text` it only removes them. */
export function withEdit(
  edits: readonly Edit[],
  span: { readonly start: number; readonly end: number },
  text: string | undefined,
): Edit[] {
  const whole = { start: span.start, end: Math.max(span.end, span.start + MIN_EDIT_SECONDS) };
  const others = edits.filter(({ start, end }) => end <= whole.start || start >= whole.end);
  return text === undefined ? others : [...others, { ...whole, text }].sort((a, b) => a.start - b.start);
}

export const readEdits = (sessionId: string): Promise<Edits> =>
  api('GET /api/sessions/{id}/transcript/edits', { path: { id: sessionId } });

/** Reads, changes and saves the edits. Repeats when another user has saved in between. */
export async function changeEdits(sessionId: string, change: (edits: readonly Edit[]) => Edit[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { version, edits } = await readEdits(sessionId);
    try {
      await api('PUT /api/sessions/{id}/transcript/edits', { path: { id: sessionId }, body: { version, edits: change(edits) } });
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'edits-changed') || attempt === ATTEMPTS) throw error;
    }
  }
}
