import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ApiClient, CallResult } from '../core/contracts/calls/client.ts';
import type { BatchReport } from '../core/contracts/report.ts';
import { CliError } from './connection.ts';
import { matching } from './options.ts';
import { list, minutesAgo, print, progress, table } from './output.ts';

const POLL_MS = 2000;
const MONTH = /^20\d{2}-(0[1-9]|1[0-2])$/;
type Details = CallResult<'GET /api/batch/runs/{id}'>;

/** Polls a run until it is finished, and shows its progress on stderr. */
export async function awaitRun(api: ApiClient, id: string, isJson: boolean): Promise<Details> {
  const bar = progress(isJson);
  for (;;) {
    const run = await api('GET /api/batch/runs/{id}', { path: { id } });
    if (run.state === 'finished') {
      bar.done();
      return run;
    }
    bar.update(`${id}: ${run.state}${run.scan === undefined ? '' : `, ${run.scan.totalMissingChunks} chunks missing`}`);
    await wait(POLL_MS);
  }
}

const money = (usd: number): string => `${usd.toFixed(4)} USD`;

function reportText(report: BatchReport): string {
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

const pendingText = (pending: CallResult<'GET /api/batch/pending'>['pending'], sessions: number | undefined): string => {
  const count = `${pending.length === 0 ? 'no' : pending.length} chunks are missing in ${sessions} sessions`;
  if (pending.length === 0) return count;
  const rows = pending.map((chunk) => [
    chunk.sessionId,
    chunk.chunkNumber,
    Math.ceil(chunk.sizeBytes / 1024),
    minutesAgo(chunk.uploadedAt),
    chunk.attempts,
    chunk.error,
  ]);
  return `${table(['session', 'chunk', 'KB', 'uploaded', 'attempts', 'error'], rows)}\n\n${count}`;
};

const runsText = ({ runs, paused }: CallResult<'GET /api/batch/runs'>): string => {
  const schedule = `the schedule is ${paused ? 'PAUSED (resume it with: batch schedule resume)' : 'active'}`;
  const rows = runs.map((run) => [
    run.id,
    run.dryRun ? 'dry run' : run.trigger,
    run.state,
    run.status,
    run.scan?.totalMissingChunks,
    run.reason,
  ]);
  return `${schedule}\n\n${table(['run', 'triggered by', 'state', 'status', 'missing', 'reason'], rows)}`;
};

const costsText = (costs: CallResult<'GET /api/costs'>): string => {
  const rows = costs.days
    .filter(({ gpuSeconds }) => gpuSeconds > 0)
    .map(({ day, gpuSeconds, usd }) => [day, Math.round(gpuSeconds / 6) / 10, usd]);
  const hours = (costs.gpuSeconds / 3600).toFixed(2);
  const sum = `${costs.month}: ${money(costs.usd)}, ${hours} GPU hours at ${costs.usdPerHour} USD; daily budget ${costs.dailyBudgetUsd} USD`;
  return `${table(['day', 'GPU min', 'USD'], rows)}\n\n${sum}`;
};

/** Exit status for each status of a report. */
const EXIT = { success: 0, skipped: 0, partial: 2, failed: 3 } as const;

/** `chunkscribe batch`: finds missing results and has them transcribed. */
export function batchCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const batch = program.command('batch').description('find missing results and transcribe them');

  batch
    .command('scan')
    .description('report missing chunks; changes nothing and starts no machine')
    .action(async () => {
      const { id } = await api('POST /api/batch/runs', { body: { dryRun: true } });
      const { scan } = await awaitRun(api, id, isJson());
      const { pending } = await api('GET /api/batch/pending');
      print(isJson(), { ...scan, pending }, () => pendingText(pending, scan?.sessionsScanned));
    });

  batch
    .command('run')
    .description('start a run, or join the active one, and wait for its end')
    .option('--no-wait', 'start the run and exit')
    .action(async (options: { wait: boolean }) => {
      const begun = await api('POST /api/batch/runs', { body: {} });
      if (!options.wait) return print(isJson(), begun, ({ id, state }) => `${id}: ${state}`);
      const { report, ...run } = await awaitRun(api, begun.id, isJson());
      if (report === undefined) throw new CliError(`${run.id} ended without a report`);
      print(isJson(), report, reportText);
      process.exitCode = EXIT[report.status];
    });

  batch
    .command('status')
    .description('show the newest runs and the state of the schedule')
    .action(async () => {
      print(isJson(), await api('GET /api/batch/runs', { query: { limit: 10 } }), runsText);
    });

  batch
    .command('reports')
    .description('show the newest reports, or one of them')
    .argument('[name]', 'name of a report', matching(/^batch-[\d-]{15,25}$/, 'the name of a report; batch reports lists them'))
    .action(async (name: string | undefined) => {
      if (name !== undefined)
        return print(isJson(), await api('GET /api/batch/reports/{id}', { path: { id: name } }), reportText);
      print(isJson(), await api('GET /api/batch/reports', { query: { limit: 50 } }), ({ reports }) =>
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
      print(isJson(), await api('GET /api/costs', { query: { month } }), costsText);
    });

  const schedule = batch.command('schedule').description('pause or resume the schedule; needs no deployment');
  for (const [name, enabled, message] of [
    ['pause', false, 'the schedule is paused'],
    ['resume', true, 'the schedule is active'],
  ] as const)
    schedule.command(name).action(async () => {
      print(isJson(), await api('PUT /api/batch/schedule', { body: { enabled } }), () => message);
    });
}
