/** The status file of a running job: `{stem}.transcribing.txt` next to the future text, with recording name and job id. */
import { readdir } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Folders } from './folders.ts';

export const STATUS_SUFFIX = '.transcribing.txt';

export const stemOf = (filename: string): string => basename(filename, extname(filename));
export const statusText = (jobId: string, filename: string): string =>
  `${filename}\nbeing transcribed since ${new Date().toISOString()}\njob_id: ${jobId}\n`;
export const isStatusOf = (jobId: string, text: string): boolean => text.split('\n').includes(`job_id: ${jobId}`);

/** Finds the status file of a job in a folder by its content. */
export async function findStatusFile(
  folders: Folders,
  folder: string,
  jobId: string,
): Promise<{ readonly name: string; readonly stem: string } | undefined> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(STATUS_SUFFIX)) continue;
    const text = await folders.read(folder, name);
    if (text !== undefined && isStatusOf(jobId, text)) return { name, stem: stemOf(text.split('\n')[0] ?? '') };
  }
  return undefined;
}

/** Removes a file if it is the status file of this job. */
export async function removeStatus(folders: Folders, jobId: string, folder: string, name: string): Promise<void> {
  const text = await folders.read(folder, name).catch(() => undefined);
  if (text !== undefined && isStatusOf(jobId, text)) await folders.remove(folder, name);
}
