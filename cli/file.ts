import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { JOB_STATES, type JobState } from '../core/contracts/jobs.ts';
import { recordedOr } from '../core/contracts/recorded.ts';
import { choice, jobId, listLimit } from './options.ts';
import { list, minutesAgo, print, table } from './output.ts';
import { type Order, sortedPage, sortOption } from './sorted.ts';
import { NEW_NAME, namedText, SPEAKER } from './speaker.ts';
import { transcriptCommand } from './text.ts';

/** `chunkscribe file`: the user's file jobs. */
export function fileCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const file = program.command('file').description('manage file jobs');

  file
    .command('list')
    .description('list your files, newest first')
    .option('-n, --limit <n>', 'number of rows', listLimit, 20)
    .addOption(choice('--status <status>', 'only jobs with this status', JOB_STATES))
    .addOption(sortOption())
    .action(async ({ limit, status, sort }: { limit: number; status?: JobState; sort: Order }) => {
      const { items: jobs, cursor } = await sortedPage(sort, limit, async (count, after) => {
        const page = await api('GET /api/transcriptions', { query: { limit: count, cursor: after, status } });
        return { items: page.jobs, cursor: page.cursor };
      });
      print(isJson(), { jobs, cursor }, () =>
        table(
          ['job', 'recorded', 'status', '%', 'stage', 'file'],
          jobs.map((job) => [job.id, minutesAgo(recordedOr(job)), job.status, Math.floor(job.progress), job.stage, job.filename]),
        ),
      );
    });

  file
    .command('show')
    .description('show the progress of a job')
    .argument('<job>', 'id', jobId)
    .action(async (id: string) => {
      print(isJson(), await api('GET /api/transcriptions/{id}/status', { path: { id } }), (job) =>
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
          recorded: job.recordedAt,
          started: job.startedAt ?? undefined,
          completed: job.completedAt ?? undefined,
          'waiting for': job.waitingFor?.reason,
        }),
      );
    });

  transcriptCommand(
    file.command('transcript').description('print the text').argument('<job>', 'id', jobId),
    isJson,
    (id, query) => api.bytes('GET /api/transcriptions/{id}/transcript', { path: { id }, query }),
  );

  file
    .command('speaker')
    .description('name a speaker of the text, or merge two')
    .argument('<job>', 'id', jobId)
    .argument(...SPEAKER)
    .argument(...NEW_NAME)
    .action(async (id: string, speaker: string, name: string) => {
      const named = await api('PUT /api/transcriptions/{id}/speakers', { path: { id }, body: { speaker, name } });
      print(isJson(), named, () => namedText(speaker, name));
    });

  for (const [name, call, description] of [
    ['cancel', 'POST /api/transcriptions/{id}/cancel', 'cancel a job and delete its results'],
    ['retry', 'POST /api/transcriptions/{id}/retry', 'retry a failed job without a new upload'],
  ] as const)
    file
      .command(name)
      .description(description)
      .argument('<job>', 'id', jobId)
      .action(async (id: string) => {
        print(isJson(), await api(call, { path: { id } }), (job) => `${job.id} is ${job.status}`);
      });

  file
    .command('delete')
    .description('delete a job with its file and text')
    .argument('<job>', 'id', jobId)
    .action(async (id: string) => {
      await api('DELETE /api/transcriptions/{id}', { path: { id } });
      print(isJson(), { deleted: id }, () => `${id} is deleted`);
    });
}
