/**
 * The tools. A status file beside the text tells people what goes on: `{stem}.transcribing.txt` while it does, `{stem}.txt` in the end.
 * It also tells a server that was started again which file a job was of.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, BackendError, Listed, Progress } from './backend.ts';
import type { Folders } from './folders.ts';

const STATUS_SUFFIX = '.transcribing.txt';
const [MOST_LISTED, MOST_SEARCHED, MOST_HITS] = [100, 50, 50];
const AROUND = 60;

const Failure = { success: z.boolean(), error: z.string().optional(), message: z.string() };
const Begun = z.object({
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

interface Answer {
  readonly success: boolean;
  readonly message: string;
}
const told = (answer: Answer) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(answer, undefined, 1) }],
  structuredContent: { ...answer },
  ...(!answer.success && { isError: true }),
});

/** What went wrong is an answer with a stable code, never a broken call. */
async function answered(work: () => Promise<Answer>) {
  try {
    return told(await work());
  } catch (error) {
    if (error instanceof BackendError) return told({ success: false, message: error.message, ...{ error: error.code } });
    console.error(error);
    return told({
      success: false,
      message: 'something went wrong on the side of this server; its log says what',
      ...{ error: 'internal' },
    });
  }
}

/** Tells how far it is, to whoever asked to be told. */
async function tell(context: ServerContext, progress: number, message: string): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100, message } });
}

const statusText = (jobId: string, filename: string, line: string): string => `${filename}\n${line}\njob_id: ${jobId}\n`;

/** The status file of a job in a folder, by what is written in it. */
async function statusFileOf(folder: string, jobId: string): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(STATUS_SUFFIX)) continue;
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text.split('\n').includes(`job_id: ${jobId}`)) return name;
  }
  return undefined;
}

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

export function registerTools(server: McpServer, backend: Backend, folders: Folders): void {
  /** Where the texts of jobs go that this process has begun. */
  const outputs = new Map<string, string>();

  server.registerTool(
    'transcribe_wav',
    {
      title: 'Transcribe a recording',
      description:
        'Begins to transcribe an audio file (wav, mp3, flac, m4a, ogg, webm, mp4 and others) and answers at once with its job_id. A file {stem}.transcribing.txt in output_dir says that it is under way. Ask check_transcription_status for the text.',
      inputSchema: z.object({
        filename: z.string().min(1).max(4096).describe('path of the audio file'),
        output_dir: z.string().max(4096).optional().describe('folder that the text is written to; the file’s own without it'),
        model: z.string().max(100).optional().describe('another model than the service’s own'),
      }),
      outputSchema: Begun,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    ({ filename, output_dir, model }, context) =>
      answered(async () => {
        const path = await folders.file(filename);
        const folder = await folders.folder(output_dir, path);
        await backend.check();
        await tell(context, 0, 'sending the file');
        const name = basename(path);
        const { jobId, status } = await backend.send(path, name, model, (share) =>
          tell(context, Math.round(90 * share), 'sending the file'),
        );
        const stem = basename(name, extname(name));
        outputs.set(jobId, folder);
        const status_file = await folders.write(
          folder,
          `${stem}${STATUS_SUFFIX}`,
          statusText(jobId, name, `being transcribed since ${new Date().toISOString()}`),
        );
        await tell(context, 100, 'queued');
        return {
          success: true,
          status: status === 'completed' || status === 'failed' ? status : 'queued',
          job_id: jobId,
          service_url: backend.url,
          status_file,
          message: `${name} is ${status}; ask check_transcription_status for job_id ${jobId}`,
        };
      }),
  );

  server.registerTool(
    'check_transcription_status',
    {
      title: 'How far a transcription is',
      description:
        'How far a job is. When it is completed, its text is answered and saved as {stem}.txt in output_dir, and the status file is removed.',
      inputSchema: z.object({
        job_id: JobId,
        output_dir: z.string().max(4096).optional().describe('the folder given to transcribe_wav; known while this server runs'),
      }),
      outputSchema: Checked,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    ({ job_id, output_dir }, context) =>
      answered(async () => {
        const wanted = output_dir ?? outputs.get(job_id);
        const folder = wanted === undefined ? undefined : await folders.folder(wanted, '');
        const { status, progress, error } = await backend.progress(job_id);
        await tell(context, progress, status);
        if (status !== 'completed') {
          const isOver = status === 'failed' || status === 'cancelled';
          const file = isOver && folder !== undefined ? await statusFileOf(folder, job_id) : undefined;
          if (file !== undefined && folder !== undefined)
            await folders.write(
              folder,
              file,
              statusText(job_id, file.slice(0, -STATUS_SUFFIX.length), `${status}: ${error ?? ''}`),
            );
          return {
            success: !isOver,
            status,
            progress,
            message: isOver ? `it has ${status}: ${error ?? 'no reason is known'}` : `it is ${status}, ${Math.round(progress)} %`,
            ...(isOver && { error: status }),
          };
        }
        const transcript = await backend.render(job_id, 'txt');
        const file = folder === undefined ? undefined : await statusFileOf(folder, job_id);
        if (folder === undefined)
          return { success: true, status, progress: 100, transcript, message: 'completed; say output_dir to have it saved' };
        const stem = file === undefined ? job_id : file.slice(0, -STATUS_SUFFIX.length);
        const transcript_file = await folders.write(folder, `${stem}.txt`, transcript);
        if (file !== undefined) await rm(join(folder, file), { force: true });
        return {
          success: true,
          status,
          progress: 100,
          transcript_file,
          transcript,
          message: `completed; the text is in ${transcript_file}`,
        };
      }),
  );

  server.registerTool(
    'list_transcriptions',
    {
      title: 'List transcriptions',
      description: 'Transcriptions of this service, newest first, with their state.',
      inputSchema: z.object({ limit: z.number().int().min(1).max(MOST_LISTED).default(20) }),
      outputSchema: Found,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ limit }) =>
      answered(async () => {
        const transcriptions = await backend.list(limit);
        return { success: true, transcriptions, message: `${transcriptions.length} transcriptions` };
      }),
  );

  server.registerTool(
    'get_transcript',
    {
      title: 'Read a transcript',
      description: 'The text of a completed transcription, whole or of a range of seconds, as txt, srt or vtt.',
      inputSchema: z.object({
        job_id: JobId,
        format: z.enum(['txt', 'srt', 'vtt']).default('txt'),
        start: z.number().min(0).optional().describe('seconds; only for txt'),
        end: z.number().positive().optional().describe('seconds; only for txt'),
      }),
      outputSchema: Text,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ job_id, format, start, end }) =>
      answered(async () => {
        const isRange = start !== undefined || end !== undefined;
        if (isRange && format !== 'txt') throw new BackendError('invalid-range', 'a range is answered as txt only');
        const [from, to] = [start ?? 0, end ?? Number.POSITIVE_INFINITY];
        if (to <= from) throw new BackendError('invalid-range', 'end must be after start');
        const heard = await backend.transcript(job_id);
        const within = heard.segments.filter((segment) => segment.start < to && segment.end > from);
        const text = isRange ? within.map((segment) => segment.text).join(' ') : await backend.render(job_id, format);
        return {
          success: true,
          text,
          duration_seconds: heard.duration_seconds,
          message: isRange ? `from ${clock(from)}` : 'the whole text',
        };
      }),
  );

  server.registerTool(
    'search_transcripts',
    {
      title: 'Search transcripts',
      description:
        'Where words are said in the newest completed transcriptions: the file, the time in seconds, and the sentence around them.',
      inputSchema: z.object({ query: z.string().min(2).max(200), limit: z.number().int().min(1).max(MOST_HITS).default(20) }),
      outputSchema: Hits,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query, limit }, context) =>
      answered(async () => {
        const wanted = query.toLowerCase();
        const completed = (await backend.list(MOST_LISTED))
          .filter(({ status }) => status === 'completed')
          .slice(0, MOST_SEARCHED);
        const hits: { job_id: string; filename: string; start: number; text: string }[] = [];
        for (const [i, { jobId, filename }] of completed.entries()) {
          await tell(context, Math.round((100 * i) / completed.length), filename);
          const { segments } = await backend.transcript(jobId).catch(() => ({ segments: [] }));
          for (const [n, { start, text }] of segments.entries()) {
            // Words may go on in the next segment.
            const both = `${text} ${segments[n + 1]?.text ?? ''}`;
            const at = both.toLowerCase().indexOf(wanted);
            if (at < 0 || at > text.length) continue;
            hits.push({
              job_id: jobId,
              filename,
              start,
              text: both.slice(Math.max(0, at - AROUND), at + wanted.length + AROUND).trim(),
            });
            if (hits.length === limit) break;
          }
          if (hits.length === limit) break;
        }
        return { success: true, hits, message: `${hits.length} places in ${completed.length} transcriptions` };
      }),
  );
}
