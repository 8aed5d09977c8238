import type { Command } from 'commander';
import * as z from 'zod';
import { Job, JobList, JobStatus } from '../core/contracts/answers.ts';
import { JOB_STATES } from '../core/contracts/jobs.ts';
import type { Call } from './connection.ts';
import { choice, formatOption, jobId, listLimit } from './options.ts';
import { list, minutesAgo, print, table } from './output.ts';

/** `chunkscribe file`: the user's file jobs. */
export function fileCommands(program: Command, call: Call, text: (path: string) => Promise<string>, isJson: () => boolean): void {
  const file = program.command('file').description('manage file jobs');
  const path = (id: string, rest = ''): string => `/api/transcriptions/${encodeURIComponent(id)}${rest}`;

  file
    .command('list')
    .description('list your files, newest first')
    .option('-n, --limit <n>', 'number of rows', listLimit, 20)
    .addOption(choice('--status <status>', 'only jobs with this status', JOB_STATES))
    .action(async ({ limit, status }: { limit: number; status?: string }) => {
      const query = new URLSearchParams({ limit: String(limit), ...(status !== undefined && { status }) });
      print(isJson(), await call('GET', `/api/transcriptions?${query}`, JobList), ({ jobs }) =>
        table(
          ['job', 'created', 'status', '%', 'stage', 'file'],
          jobs.map((job) => [job.id, minutesAgo(job.createdAt), job.status, Math.floor(job.progress), job.stage, job.filename]),
        ),
      );
    });

  file
    .command('show')
    .description('show the progress of a job')
    .argument('<job>', 'id', jobId)
    .action(async (id: string) => {
      print(isJson(), await call('GET', path(id, '/status'), JobStatus), (job) =>
        list({
          job: job.id,
          file: job.filename,
          status: job.status,
          progress: `${job.progress} %  ${job.stage}`,
          error: job.error ?? undefined,
          language: job.language,
          model: job.model,
          retranscription:
            job.retranscription && `${job.retranscription.status}  ${job.retranscription.error ?? job.retranscription.stage}`,
          audio: job.durationSeconds === undefined ? undefined : `${(job.durationSeconds / 60).toFixed(1)} min`,
          started: job.startedAt ?? undefined,
          completed: job.completedAt ?? undefined,
          'waiting for': job.waitingFor?.reason,
        }),
      );
    });

  file
    .command('transcript')
    .description('print the text')
    .argument('<job>', 'id', jobId)
    .addOption(formatOption())
    .action(async (id: string, { format }: { format: string }) => {
      const requested = isJson() ? 'json' : format;
      process.stdout.write(`${(await text(path(id, `/transcript?format=${encodeURIComponent(requested)}`))).trimEnd()}\n`);
    });

  for (const [name, description] of [
    ['cancel', 'cancel a job and delete its results'],
    ['retry', 'retry a failed job without a new upload'],
  ] as const)
    file
      .command(name)
      .description(description)
      .argument('<job>', 'id', jobId)
      .action(async (id: string) => {
        print(isJson(), await call('POST', path(id, `/${name}`), Job, {}), (job) => `${job.id} is ${job.status}`);
      });

  file
    .command('delete')
    .description('delete a job with its file and text')
    .argument('<job>', 'id', jobId)
    .action(async (id: string) => {
      await call('DELETE', path(id), z.undefined());
      print(isJson(), { deleted: id }, () => `${id} is deleted`);
    });
}
