/** A person's edits, kept by the server beside what was heard. Two people may edit at once: what the other wrote is kept. */
import type * as z from 'zod';
import { EditsSaved } from '../../../core/contracts/answers.ts';
import { type Edit, Edits } from '../../../core/contracts/edits.ts';
import { ApiError, ask } from '../api/client.ts';
import type { ShownWord } from './words.ts';

const ATTEMPTS = 4;
const middle = ({ start, end }: { start: number; end: number }): number => (start + end) / 2;

/** The edit whose words these are: spans do not overlap. */
export const editAt = (edits: readonly Edit[], word: Pick<ShownWord, 'start' | 'end'>): Edit | undefined =>
  edits.find(({ start, end }) => middle(word) >= start && middle(word) < end);

/** Words shorter than this are given so much time, so that an edit of them covers something. */
const LEAST_SECONDS = 0.02;

/** Puts `text` in the place of what is said in this span; edits that it touches give way. Without text they are taken back. */
export function withEdit(
  edits: readonly Edit[],
  span: { readonly start: number; readonly end: number },
  text: string | undefined,
): Edit[] {
  const whole = { start: span.start, end: Math.max(span.end, span.start + LEAST_SECONDS) };
  const others = edits.filter(({ start, end }) => end <= whole.start || start >= whole.end);
  return text === undefined ? others : [...others, { ...whole, text }].sort((a, b) => a.start - b.start);
}

export const readEdits = (sessionId: string): Promise<z.infer<typeof Edits>> =>
  ask(Edits, 'GET', `/api/sessions/${sessionId}/transcript/edits`);

/** Reads, changes, writes; again when somebody else was faster. */
export async function changeEdits(sessionId: string, change: (edits: readonly Edit[]) => Edit[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { version, edits } = await readEdits(sessionId);
    try {
      await ask(EditsSaved, 'PUT', `/api/sessions/${sessionId}/transcript/edits`, { version, edits: change(edits) });
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'edits-changed') || attempt === ATTEMPTS) throw error;
    }
  }
}
