import type { Command } from 'commander';
import * as z from 'zod';
import { Job, JobList, JobStatus } from '../core/contracts/answers.ts';
import type { Call } from './connection.ts';
import { list, minutesAgo, print, table } from './output.ts';

/** Files that were sent to be transcribed. */
export function fileCommands(program: Command, call: Call, text: (path: string) => Promise<string>, isJson: () => boolean): void {
  const file = program.command('file').description('files that were sent to be transcribed');
  const path = (id: string, rest = ''): string => `/api/transcriptions/${encodeURIComponent(id)}${rest}`;

  file
    .command('list')
    .description('your own, newest first')
    .option('-n, --limit <n>', 'how many', '20')
    .option('--status <status>', 'pending, processing, completed, failed or cancelled')
    .action(async ({ limit, status }: { limit: string; status?: string }) => {
      const query = new URLSearchParams({ limit, ...(status !== undefined && { status }) });
      print(isJson(), await call('GET', `/api/transcriptions?${query}`, JobList), ({ jobs }) =>
        table(
          ['job', 'sent', 'status', '%', 'stage', 'file'],
          jobs.map((job) => [job.id, minutesAgo(job.createdAt), job.status, Math.floor(job.progress), job.stage, job.filename]),
        ),
      );
    });

  file
    .command('show <job>')
    .description('how far it is')
    .action(async (id: string) => {
      print(isJson(), await call('GET', path(id, '/status'), JobStatus), (job) =>
        list({
          job: job.id,
          file: job.filename,
          status: job.status,
          progress: `${job.progress} %  ${job.stage}`,
          error: job.error ?? undefined,
          audio: job.durationSeconds === undefined ? undefined : `${(job.durationSeconds / 60).toFixed(1)} min`,
          started: job.startedAt ?? undefined,
          completed: job.completedAt ?? undefined,
          'waits for': job.waitingFor?.reason,
        }),
      );
    });

  file
    .command('transcript <job>')
    .description('the text')
    .option('--format <format>', 'txt, json, srt or vtt', 'txt')
    .action(async (id: string, { format }: { format: string }) => {
      const wanted = isJson() ? 'json' : format;
      process.stdout.write(`${(await text(path(id, `/transcript?format=${encodeURIComponent(wanted)}`))).trimEnd()}\n`);
    });

  for (const [name, description] of [
    ['cancel', 'stop it; what it had is deleted'],
    ['retry', 'try a failed one again, without a new upload'],
  ] as const)
    file
      .command(`${name} <job>`)
      .description(description)
      .action(async (id: string) => {
        print(isJson(), await call('POST', path(id, `/${name}`), Job, {}), (job) => `${job.id} is ${job.status}`);
      });

  file
    .command('delete <job>')
    .description('delete it with its file and text')
    .action(async (id: string) => {
      await call('DELETE', path(id), z.undefined());
      print(isJson(), { deleted: id }, () => `${id} is deleted`);
    });
}
