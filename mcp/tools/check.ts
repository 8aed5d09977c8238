/** Checks a job and saves its text. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, Progress } from '../backend.ts';
import type { Folders } from '../folders.ts';
import type { JobNotes } from '../job-notes.ts';
import { findStatusFile, removeStatus } from '../status-file.ts';
import { ENDED, Failure, JobId, reportProgress, runTool } from './result.ts';

const Checked = z.object({
  ...Failure,
  status: Progress.shape.status.optional(),
  progress: z.number().optional(),
  transcript_file: z.string().optional(),
  transcript: z.string().optional(),
});

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
        const folder =
          output_dir === undefined
            ? note && (await folders.folder(note.folder, '').catch(() => undefined))
            : await folders.folder(output_dir, '');
        const { status, progress, error } = await backend.progress(job_id);
        await reportProgress(context, progress, status);
        if (!ENDED.includes(status))
          return { success: true, status, progress, message: `the job is ${status}, ${Math.round(progress)} %` };
        const file = folder === undefined ? undefined : await findStatusFile(folders, folder, job_id);
        const transcript = status === 'completed' ? await backend.render(job_id, 'txt') : undefined;
        const stem = note?.stem ?? file?.stem ?? job_id;
        const transcript_file =
          folder !== undefined && transcript !== undefined
            ? await folders.save(folder, stem, '.txt', transcript, (content) => content === transcript)
            : undefined;
        if (file !== undefined && folder !== undefined) await removeStatus(folders, job_id, folder, file.name);
        if (note !== undefined) await removeStatus(folders, job_id, note.folder, note.statusFile);
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
