/** Transcribes a recording. */
import { basename } from 'node:path';
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { CHANNELS } from '../../core/contracts/media.ts';
import { MAX_SPEAKERS } from '../../core/contracts/speakers.ts';
import { type Backend, Progress } from '../backend.ts';
import type { Folders } from '../folders.ts';
import type { JobNotes } from '../job-notes.ts';
import { isStatusOf, removeStatus, STATUS_SUFFIX, statusText, stemOf } from '../status-file.ts';
import { ENDED, Failure, reportProgress, runTool } from './result.ts';

const Started = z.object({
  ...Failure,
  status: Progress.shape.status.optional(),
  job_id: z.string().optional(),
  service_url: z.string().optional(),
  status_file: z.string().optional(),
});

const speakerCount = z.number().int().min(1).max(MAX_SPEAKERS).optional();

export function registerTranscribe(server: McpServer, backend: Backend, folders: Folders, startedJobs: JobNotes): void {
  server.registerTool(
    'transcribe_wav',
    {
      title: 'Transcribe a recording',
      description:
        'Starts the transcription of an audio file (wav, mp3, flac, m4a, ogg, webm, mp4 and others) and returns its job_id at once. While the job runs, output_dir contains the file {stem}.transcribing.txt. Get the text with check_transcription_status.',
      inputSchema: z.object({
        filename: z.string().min(1).max(4096).describe('path of the audio file'),
        output_dir: z.string().max(4096).optional().describe('folder for the text; default: the folder of the audio file'),
        model: z.string().max(100).optional().describe('speech model; default: the model of the service'),
        language: z
          .string()
          .max(100)
          .optional()
          .describe('code or English name of the language, such as de or German; default: detected'),
        channels: z
          .enum(CHANNELS)
          .optional()
          .describe('separate: each audio channel or track is transcribed alone, as one speaker; default: they are mixed'),
        diarize: z.boolean().optional().describe('detect the speakers, and mark who said what'),
        min_speakers: speakerCount.describe('with diarize: smallest number of speakers, if it is known'),
        max_speakers: speakerCount.describe(
          'with diarize: largest number of speakers, if it is known; the same as min_speakers: exactly as many',
        ),
      }),
      outputSchema: Started,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    ({ filename, output_dir, min_speakers: minSpeakers, max_speakers: maxSpeakers, ...options }, context) =>
      runTool(async () => {
        const path = await folders.file(filename);
        const folder = await folders.folder(output_dir, path);
        await backend.check();
        await reportProgress(context, 0, 'sending the file');
        const name = basename(path);
        const { jobId, status } = await backend.send(path, name, { ...options, minSpeakers, maxSpeakers }, (share) =>
          reportProgress(context, Math.round(90 * share), 'sending the file'),
        );
        // Sent before the files are written: clients drop notifications that arrive together with the result.
        await reportProgress(context, 100, 'queued');
        const stem = stemOf(name);
        const before = await startedJobs.read(jobId);
        if (before !== undefined && before.folder !== folder)
          await removeStatus(folders, jobId, before.folder, before.statusFile);
        const status_file = await folders.save(folder, stem, STATUS_SUFFIX, statusText(jobId, name), (content) =>
          isStatusOf(jobId, content),
        );
        await startedJobs.save(jobId, { folder, stem, statusFile: basename(status_file) });
        return {
          success: true,
          status: ENDED.includes(status) ? status : 'queued',
          job_id: jobId,
          service_url: backend.url,
          status_file,
          message: `${name} is ${status}; call check_transcription_status with job_id ${jobId}`,
        };
      }),
  );
}
