import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type * as z from 'zod';
import { BatchRun, BatchRunDetails, BatchRuns, Costs, Pending, Reports, ScheduleSet } from '../core/contracts/answers.ts';
import { BatchReport } from '../core/contracts/report.ts';
import type { Call } from './connection.ts';
import { CliError } from './connection.ts';
import { matching } from './options.ts';
import { list, minutesAgo, print, progress, table } from './output.ts';

const POLL_MS = 2000;
const MONTH = /^20\d{2}-(0[1-9]|1[0-2])$/;
type Details = z.infer<typeof BatchRunDetails>;

/** Polls a run until it is finished, and shows its progress on stderr. */
export async function awaitRun(call: Call, id: string, isJson: boolean): Promise<Details> {
  const bar = progress(isJson);
  for (;;) {
    const run = await call('GET', `/api/batch/runs/${id}`, BatchRunDetails);
    if (run.state === 'finished') {
      bar.done();
      return run;
    }
    bar.update(`${id}: ${run.state}${run.scan === undefined ? '' : `, ${run.scan.totalMissingChunks} chunks missing`}`);
    await wait(POLL_MS);
  }
}

const money = (usd: number): string => `${usd.toFixed(4)} USD`;

function reportText(report: z.infer<typeof BatchReport>): string {
  const { scan, transcription, gpu, performance } = report;
  const head = list({
    run: report.name,
    status: report.status,
    reason: report.reason,
    'sessions scanned': scan.sessionsScanned,
    'chunks missing': scan.totalMissingChunks,
    transcribed: transcription.chunksTranscribed,
    failed: transcription.chunksFailed,
    left: report.chunksLeft,
    'GPU seconds': gpu.runtimeSeconds,
    cost: money(gpu.costUSD),
    'scan, s': performance.scanDurationSeconds,
    'whole run, s': performance.totalDurationSeconds,
  });
  if (report.deadChunks.length === 0) return head;
  const dead = report.deadChunks.map((chunk) => [chunk.sessionId, chunk.chunkNumber, chunk.error]);
  return `${head}\n\n${table(['permanently failed: session', 'chunk', 'reason'], dead)}`;
}

/** Exit status for each status of a report. */
const EXIT = { success: 0, skipped: 0, partial: 2, failed: 3 } as const;

export function batchCommands(program: Command, call: Call, isJson: () => boolean): void {
  const batch = program.command('batch').description('find missing results and transcribe them');

  batch
    .command('scan')
    .description('report missing chunks; changes nothing and starts no machine')
    .action(async () => {
      const { id } = await call('POST', '/api/batch/runs', BatchRun, { dryRun: true });
      const { scan } = await awaitRun(call, id, isJson());
      const pending = await call('GET', '/api/batch/pending', Pending);
      print(isJson(), { ...scan, pending: pending.pending }, (found) =>
        found.pending.length === 0
          ? `no chunks are missing in ${scan?.sessionsScanned} sessions`
          : `${table(
              ['session', 'chunk', 'KB', 'uploaded', 'attempts', 'error'],
              found.pending.map((one) => [
                one.sessionId,
                one.chunkNumber,
                Math.ceil(one.sizeBytes / 1024),
                minutesAgo(one.uploadedAt),
                one.attempts,
                one.error,
              ]),
            )}\n\n${found.pending.length} chunks are missing in ${scan?.sessionsScanned} sessions`,
      );
    });

  batch
    .command('run')
    .description('start a run, or join the active one, and wait for its end')
    .option('--no-wait', 'start the run and exit')
    .action(async (options: { wait: boolean }) => {
      const begun = await call('POST', '/api/batch/runs', BatchRun, {});
      if (!options.wait) return print(isJson(), begun, ({ id, state }) => `${id}: ${state}`);
      const { report, ...run } = await awaitRun(call, begun.id, isJson());
      if (report === undefined) throw new CliError(`${run.id} ended without a report`);
      print(isJson(), report, reportText);
      process.exitCode = EXIT[report.status];
    });

  batch
    .command('status')
    .description('show the newest runs and the state of the schedule')
    .action(async () => {
      const found = await call('GET', '/api/batch/runs?limit=10', BatchRuns);
      print(isJson(), found, ({ runs, paused }) =>
        [
          `the schedule is ${paused ? 'PAUSED (resume it with: batch schedule resume)' : 'active'}`,
          '',
          table(
            ['run', 'triggered by', 'state', 'status', 'missing', 'reason'],
            runs.map((run) => [
              run.id,
              run.dryRun ? 'dry run' : run.trigger,
              run.state,
              run.status,
              run.scan?.totalMissingChunks,
              run.reason,
            ]),
          ),
        ].join('\n'),
      );
    });

  batch
    .command('reports')
    .description('show the newest reports, or one of them')
    .argument('[name]', 'name of a report', matching(/^batch-[\d-]{15,25}$/, 'the name of a report; batch reports lists them'))
    .action(async (name: string | undefined) => {
      if (name !== undefined)
        return print(isJson(), await call('GET', `/api/batch/reports/${encodeURIComponent(name)}`, BatchReport), reportText);
      print(isJson(), await call('GET', '/api/batch/reports?limit=50', Reports), ({ reports }) =>
        table(
          ['report', 'status', 'missing'],
          reports.map((report) => [report.name, report.status, report.totalMissingChunks]),
        ),
      );
    });

  batch
    .command('costs')
    .description('show the GPU costs by day')
    .option('--month <YYYY-MM>', 'month (UTC); the current one by default', matching(MONTH, 'a month such as 2026-03'))
    .action(async ({ month }: { month?: string }) => {
      print(
        isJson(),
        await call('GET', `/api/costs${month === undefined ? '' : `?month=${encodeURIComponent(month)}`}`, Costs),
        (costs) =>
          [
            table(
              ['day', 'GPU min', 'USD'],
              costs.days
                .filter(({ gpuSeconds }) => gpuSeconds > 0)
                .map(({ day, gpuSeconds, usd }) => [day, Math.round(gpuSeconds / 6) / 10, usd]),
            ),
            '',
            `${costs.month}: ${money(costs.usd)}, ${(costs.gpuSeconds / 3600).toFixed(2)} GPU hours at ${costs.usdPerHour} USD; daily budget ${costs.dailyBudgetUsd} USD`,
          ].join('\n'),
      );
    });

  const schedule = batch.command('schedule').description('pause or resume the schedule; needs no deployment');
  for (const [name, enabled, message] of [
    ['pause', false, 'the schedule is paused'],
    ['resume', true, 'the schedule is active'],
  ] as const)
    schedule.command(name).action(async () => {
      print(isJson(), await call('PUT', '/api/batch/schedule', ScheduleSet, { enabled }), () => message);
    });
}
