/**
 * Notes on started jobs: the recording of a job and the folder for its text.
 *
 * Assistants start one server process per conversation, so notes are stored in the user's cache folder and every process can read
 * them. Notes are removed after NOTE_DAYS. Gotcha: without a readable note, the assistant must pass `output_dir` again.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { DAY_MS } from '../core/time.ts';

export const NOTES = join(homedir(), '.cache', 'chunkscribe', 'mcp');
const NOTE_DAYS = 30;

const JobNote = z.object({
  folder: z.string(),
  /** Name of the recording without its extension. */
  stem: z.string(),
  /** Name of the status file in the folder. */
  statusFile: z.string(),
});
export type JobNote = z.infer<typeof JobNote>;

async function removeOldNotes(notes: string): Promise<void> {
  for (const name of await readdir(notes)) {
    const file = join(notes, name);
    if ((await stat(file)).mtimeMs < Date.now() - NOTE_DAYS * DAY_MS) await rm(file, { force: true });
  }
}

/** Access to the notes in this folder. */
export function jobNotes(notes: string) {
  const noteOf = (jobId: string): string => join(notes, `${jobId}.json`);
  const known = new Map<string, JobNote>();
  return {
    async save(jobId: string, note: JobNote): Promise<void> {
      known.set(jobId, note);
      try {
        await mkdir(notes, { recursive: true, mode: 0o700 });
        await writeFile(noteOf(jobId), JSON.stringify(note), { mode: 0o600 });
        await removeOldNotes(notes);
      } catch (error) {
        console.error(error); // then only this process has the note
      }
    },
    async read(jobId: string): Promise<JobNote | undefined> {
      if (known.has(jobId)) return known.get(jobId);
      try {
        return JobNote.parse(JSON.parse(await readFile(noteOf(jobId), 'utf8')));
      } catch {
        return undefined;
      }
    },
  };
}

/** Notes on started jobs. */
export type JobNotes = ReturnType<typeof jobNotes>;
