/** Checks a job and saves its text. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, Progress } from '../backend.ts';
import type { Folders } from '../folders.ts';
import type { JobNote, JobNotes } from '../job-notes.ts';
import { findStatusFile, removeStatus } from '../status-file.ts';
import { ENDED, Failure, JobId, reportProgress, runTool } from './result.ts';

const Checked = z.object({
  ...Failure,
  status: Progress.shape.status.optional(),
  progress: z.number().optional(),
  transcript_file: z.string().optional(),
  transcript: z.string().optional(),
});

/** The folder for the text: the requested one, else the one of the call that started the job, if it still exists. */
async function folderFor(
  folders: Folders,
  requested: string | undefined,
  note: JobNote | undefined,
): Promise<string | undefined> {
  if (requested !== undefined) return folders.folder(requested, '');
  return note && (await folders.folder(note.folder, '').catch(() => undefined));
}

/** Saves the text of an ended job, if it has one, and removes the job's status files. Returns the path of the text. */
async function settleFiles(
  folders: Folders,
  jobId: string,
  folder: string | undefined,
  note: JobNote | undefined,
  transcript: string | undefined,
): Promise<string | undefined> {
  const statusFile = folder === undefined ? undefined : await findStatusFile(folders, folder, jobId);
  const stem = note?.stem ?? statusFile?.stem ?? jobId;
  const saved =
    folder === undefined || transcript === undefined
      ? undefined
      : await folders.save(folder, stem, '.txt', transcript, (content) => content === transcript);
  if (statusFile !== undefined && folder !== undefined) await removeStatus(folders, jobId, folder, statusFile.name);
  if (note !== undefined) await removeStatus(folders, jobId, note.folder, note.statusFile);
  return saved;
}

export function registerCheck(server: McpServer, backend: Backend, folders: Folders, startedJobs: JobNotes): void {
  server.registerTool(
    'check_transcription_status',
    {
      title: 'Check a transcription',
      description:
        'Returns the status and progress of a job. When the job is completed, returns its text, saves it as {stem}.txt in output_dir ({stem} (2).txt if that name is taken), and removes the status file.',
      inputSchema: z.object({
        job_id: JobId,
        output_dir: z
          .string()
          .max(4096)
          .optional()
          .describe('folder for the text; default: the folder of the transcribe_wav call'),
      }),
      outputSchema: Checked,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    ({ job_id, output_dir }, context) =>
      runTool(async () => {
        const note = await startedJobs.read(job_id);
        const folder = await folderFor(folders, output_dir, note);
        const { status, progress, error } = await backend.progress(job_id);
        await reportProgress(context, progress, status);
        if (!ENDED.includes(status))
          return { success: true, status, progress, message: `the job is ${status}, ${Math.round(progress)} %` };
        const transcript = status === 'completed' ? await backend.render(job_id, 'txt') : undefined;
        const transcript_file = await settleFiles(folders, job_id, folder, note, transcript);
        if (transcript === undefined) {
          const message = `the job has ended as ${status}: ${error ?? 'unknown reason'}`;
          return { success: false, status, progress, message, ...{ error: status } };
        }
        const saved =
          transcript_file === undefined ? 'pass output_dir to save the text' : `the text is saved in ${transcript_file}`;
        return {
          success: true,
          status,
          progress: 100,
          transcript,
          message: `completed; ${saved}`,
          ...(transcript_file !== undefined && { transcript_file }),
        };
      }),
  );
}
