/** A recording with a reference: a JSON file next to it with its text, speakers and word times. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** The sample recording: two minutes, three speakers. @see host/sample/README.md */
export const SAMPLE = join(import.meta.dirname, 'sample', 'conversation.webm');

const seconds = z.number().min(0);
const KnownRecording = z.object({
  duration_seconds: seconds,
  text: z.string(),
  turns: z.array(z.object({ speaker: z.string(), start: seconds, end: seconds, text: z.string() })),
  words: z.array(z.object({ word: z.string(), start: seconds, end: seconds })),
});
export type KnownRecording = z.infer<typeof KnownRecording>;

/** Reads the reference of a recording; undefined if there is none next to it. */
export function knownRecording(file: string): KnownRecording | undefined {
  const beside = file.replace(/\.[^.]+$/, '.json');
  if (beside === file || !existsSync(beside)) return undefined;
  try {
    return KnownRecording.safeParse(JSON.parse(readFileSync(beside, 'utf8'))).data;
  } catch {
    return undefined; // an unrelated file of that name
  }
}
