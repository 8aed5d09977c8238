/**
 * The MCP tools, and the files they write for a job.
 *
 * Steps of a job: transcribe_wav uploads the file and writes `{stem}.transcribing.txt` -> check_transcription_status reports progress,
 * and when the job has ended, writes `{stem}.txt` (if completed) and removes the status file.
 *
 * Gotchas: files that this server has not written are never changed. Several server processes may handle the same job.
 */
import { basename } from 'node:path';
import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, BackendError, Listed, Progress } from './backend.ts';
import type { Folders } from './folders.ts';
import { jobNotes, NOTES } from './job-notes.ts';
import { findStatusFile, isStatusOf, STATUS_SUFFIX, statusText, stemOf } from './status-file.ts';

const [MAX_LISTED, MAX_SEARCHED, MAX_HITS] = [100, 50, 50];
/** Characters of context on each side of a search hit. */
const CONTEXT = 60;
const ENDED: readonly Progress['status'][] = ['completed', 'failed', 'cancelled'];

const Failure = { success: z.boolean(), error: z.string().optional(), message: z.string() };
const Started = z.object({
  ...Failure,
  status: Progress.shape.status.optional(),
  job_id: z.string().optional(),
  service_url: z.string().optional(),
  status_file: z.string().optional(),
});
const Checked = z.object({
  ...Failure,
  status: Progress.shape.status.optional(),
  progress: z.number().optional(),
  transcript_file: z.string().optional(),
  transcript: z.string().optional(),
});
const Found = z.object({ ...Failure, transcriptions: z.array(Listed).optional() });
const Text = z.object({ ...Failure, text: z.string().optional(), duration_seconds: z.number().optional() });
const Hits = z.object({
  ...Failure,
  hits: z.array(z.object({ job_id: z.string(), filename: z.string(), start: z.number(), text: z.string() })).optional(),
});

const JobId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'not a job id');

interface Output {
  readonly success: boolean;
  readonly message: string;
}
const toolResult = (output: Output) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(output, undefined, 1) }],
  structuredContent: { ...output },
  ...(!output.success && { isError: true }),
});

/** Runs a tool. Errors become results with `success: false` and a stable code, never protocol errors. */
async function runTool(work: () => Promise<Output>) {
  try {
    return toolResult(await work());
  } catch (error) {
    if (error instanceof BackendError) return toolResult({ success: false, message: error.message, ...{ error: error.code } });
    console.error(error);
    return toolResult({
      success: false,
      message: 'internal error of this server; see its log',
      ...{ error: 'internal' },
    });
  }
}

/** Sends a progress notification, if the client requested them. @param progress 0 to 100 */
async function reportProgress(context: ServerContext, progress: number, message: string): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100, message } });
}

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** Registers all tools. @param notes folder for notes on started jobs */
export function registerTools(server: McpServer, backend: Backend, folders: Folders, notes = NOTES): void {
  const startedJobs = jobNotes(notes);

  /** Removes a file if it is the status file of this job. */
  async function removeStatus(jobId: string, folder: string, name: string): Promise<void> {
    const text = await folders.read(folder, name).catch(() => undefined);
    if (text !== undefined && isStatusOf(jobId, text)) await folders.remove(folder, name);
  }

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
      }),
      outputSchema: Started,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    ({ filename, output_dir, model, language }, context) =>
      runTool(async () => {
        const path = await folders.file(filename);
        const folder = await folders.folder(output_dir, path);
        await backend.check();
        await reportProgress(context, 0, 'sending the file');
        const name = basename(path);
        const { jobId, status } = await backend.send(path, name, { model, language }, (share) =>
          reportProgress(context, Math.round(90 * share), 'sending the file'),
        );
        // Sent before the files are written: clients drop notifications that arrive together with the result.
        await reportProgress(context, 100, 'queued');
        const stem = stemOf(name);
        const before = await startedJobs.read(jobId);
        if (before !== undefined && before.folder !== folder) await removeStatus(jobId, before.folder, before.statusFile);
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
        if (file !== undefined && folder !== undefined) await removeStatus(job_id, folder, file.name);
        if (note !== undefined) await removeStatus(job_id, note.folder, note.statusFile);
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

  server.registerTool(
    'list_transcriptions',
    {
      title: 'List transcriptions',
      description: 'Lists the transcriptions of the service with their status, newest first.',
      inputSchema: z.object({ limit: z.number().int().min(1).max(MAX_LISTED).default(20) }),
      outputSchema: Found,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ limit }) =>
      runTool(async () => {
        const transcriptions = await backend.list(limit);
        return { success: true, transcriptions, message: `${transcriptions.length} transcriptions` };
      }),
  );

  server.registerTool(
    'get_transcript',
    {
      title: 'Read a transcript',
      description:
        'Returns the text of a completed transcription as txt, srt or vtt. A range of seconds is available as txt only.',
      inputSchema: z.object({
        job_id: JobId,
        format: z.enum(['txt', 'srt', 'vtt']).default('txt'),
        start: z.number().min(0).optional().describe('in seconds; only with format txt'),
        end: z.number().positive().optional().describe('in seconds; only with format txt'),
      }),
      outputSchema: Text,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ job_id, format, start, end }) =>
      runTool(async () => {
        const isRange = start !== undefined || end !== undefined;
        if (isRange && format !== 'txt') throw new BackendError('invalid-range', 'a range is available as txt only');
        const [from, to] = [start ?? 0, end ?? Number.POSITIVE_INFINITY];
        if (to <= from) throw new BackendError('invalid-range', 'end must be after start');
        const transcript = await backend.transcript(job_id);
        const within = transcript.segments.filter((segment) => segment.start < to && segment.end > from);
        const text = isRange ? within.map((segment) => segment.text).join(' ') : await backend.render(job_id, format);
        return {
          success: true,
          text,
          duration_seconds: transcript.duration_seconds,
          message: isRange ? `text from ${clock(from)}` : 'the whole text',
        };
      }),
  );

  server.registerTool(
    'search_transcripts',
    {
      title: 'Search transcripts',
      description:
        'Searches the newest completed transcriptions for words. Returns the file, the time in seconds and the surrounding text of each hit.',
      inputSchema: z.object({ query: z.string().min(2).max(200), limit: z.number().int().min(1).max(MAX_HITS).default(20) }),
      outputSchema: Hits,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query, limit }, context) =>
      runTool(async () => {
        const wanted = query.toLowerCase();
        const completed = (await backend.list(MAX_LISTED)).filter(({ status }) => status === 'completed').slice(0, MAX_SEARCHED);
        const hits: { job_id: string; filename: string; start: number; text: string }[] = [];
        for (const [i, { jobId, filename }] of completed.entries()) {
          await reportProgress(context, Math.round((100 * i) / completed.length), filename);
          const { segments } = await backend.transcript(jobId).catch(() => ({ segments: [] }));
          for (const [n, { start, text }] of segments.entries()) {
            // A match may continue in the next segment.
            const both = `${text} ${segments[n + 1]?.text ?? ''}`;
            const at = both.toLowerCase().indexOf(wanted);
            if (at < 0 || at > text.length) continue;
            hits.push({
              job_id: jobId,
              filename,
              start,
              text: both.slice(Math.max(0, at - CONTEXT), at + wanted.length + CONTEXT).trim(),
            });
            if (hits.length === limit) break;
          }
          if (hits.length === limit) break;
        }
        return { success: true, hits, message: `${hits.length} hits in ${completed.length} transcriptions` };
      }),
  );
}
