import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type * as z from 'zod';
import { BatchRun, BatchRunDetails, BatchRuns, Costs, Pending, Reports, ScheduleSet } from '../core/contracts/answers.ts';
import { BatchReport } from '../core/contracts/report.ts';
import type { Call } from './connection.ts';
import { CliError } from './connection.ts';
import { list, minutesAgo, print, progress, table } from './output.ts';

const POLL_MS = 2000;
type Details = z.infer<typeof BatchRunDetails>;

/** Waits for a run's end; says how it goes meanwhile. */
export async function awaitRun(call: Call, id: string, isJson: boolean): Promise<Details> {
  const bar = progress(isJson);
  for (;;) {
    const run = await call('GET', `/api/batch/runs/${id}`, BatchRunDetails);
    if (run.state === 'finished') {
      bar.done();
      return run;
    }
    bar.say(`${id}: ${run.state}${run.scan === undefined ? '' : `, ${run.scan.totalMissingChunks} chunks to do`}`);
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
  return `${head}\n\n${table(['dead: session', 'chunk', 'reason'], dead)}`;
}

/** The exit status says how it went, for scripts: 0 well, 2 not everything, 3 nothing. */
const EXIT = { success: 0, skipped: 0, partial: 2, failed: 3 } as const;

export function batchCommands(program: Command, call: Call, isJson: () => boolean): void {
  const batch = program.command('batch').description('find what was missed and have it transcribed');

  batch
    .command('scan')
    .description('look what is missing; changes nothing and starts nothing')
    .action(async () => {
      const { id } = await call('POST', '/api/batch/runs', BatchRun, { dryRun: true });
      const { scan } = await awaitRun(call, id, isJson());
      const pending = await call('GET', '/api/batch/pending', Pending);
      print(isJson(), { ...scan, pending: pending.pending }, (found) =>
        found.pending.length === 0
          ? `nothing is missing in ${scan?.sessionsScanned} sessions`
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
    .description('begin a run, or join the one that is under way, and wait for its end')
    .option('--no-wait', 'do not wait')
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
    .description('the newest runs, and whether the schedule goes on')
    .action(async () => {
      const found = await call('GET', '/api/batch/runs?limit=10', BatchRuns);
      print(isJson(), found, ({ runs, paused }) =>
        [
          `the schedule ${paused ? 'is PAUSED (batch schedule resume)' : 'goes on'}`,
          '',
          table(
            ['run', 'by', 'state', 'status', 'missing', 'reason'],
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
    .command('reports [name]')
    .description('the newest reports, or one of them')
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
    .description('what the GPU has cost, by day')
    .option('--month <YYYY-MM>', 'another month than this one (UTC)')
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
            `${costs.month}: ${money(costs.usd)}, ${(costs.gpuSeconds / 3600).toFixed(2)} GPU hours at ${costs.usdPerHour} USD; budget of a day ${costs.dailyBudgetUsd} USD`,
          ].join('\n'),
      );
    });

  const schedule = batch.command('schedule').description('pause the schedule, or let it go on; needs no deployment');
  for (const [name, enabled, says] of [
    ['pause', false, 'the schedule is paused'],
    ['resume', true, 'the schedule goes on'],
  ] as const)
    schedule.command(name).action(async () => {
      print(isJson(), await call('PUT', '/api/batch/schedule', ScheduleSet, { enabled }), () => says);
    });
}
