import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { GpuStarted, GpuStopped, Overview } from '../core/contracts/answers.ts';
import { type Call, CliError, localHost } from './connection.ts';
import { minutesAgo, print, table } from './output.ts';

const LINES = 100;

export function gpuCommands(program: Command, call: Call, isJson: () => boolean): void {
  const gpu = program.command('gpu').description('the GPU machines');

  gpu
    .command('status')
    .description('which machines run, for whom, what waits and what it costs')
    .action(async () => {
      print(
        isJson(),
        await call('GET', '/api/overview', Overview),
        ({ gpu: { instances, waitingFor, lastError, run }, queues, cost }) =>
          [
            table(
              ['machine', 'state', 'since', 'held by'],
              instances.map((one) => [
                one.instanceId,
                one.state,
                minutesAgo(one.runningSince),
                one.holders.map(({ holder, until }) => `${holder} until ${until.slice(11, 16)}`).join(', ') || 'nobody',
              ]),
            ),
            '',
            `run         ${run ?? 'none'}`,
            ...(waitingFor === undefined ? [] : [`waits for   ${waitingFor.reason}, until ${waitingFor.until}`]),
            ...(lastError === undefined ? [] : [`last error  ${lastError}`]),
            `queues      ${Object.entries(queues)
              .map(([lane, length]) => `${lane} ${length}`)
              .join(', ')}`,
            `cost        today ${cost.todayUsd} of ${cost.dailyBudgetUsd} USD, this month ${cost.monthUsd} USD`,
          ].join('\n'),
      );
    });

  gpu
    .command('start')
    .description('start a machine and hold it')
    .option('--minutes <n>', 'for how long', '60')
    .action(async ({ minutes }: { minutes: string }) => {
      print(
        isJson(),
        await call('POST', '/api/gpu/start', GpuStarted, { minutes: Number(minutes) }),
        ({ instanceId, state, heldUntil }) => `${instanceId} is ${state}; it is yours until ${heldUntil} (gpu stop lets it go)`,
      );
    });

  gpu
    .command('stop')
    .description('let go of the machines that you hold')
    .option('--force', 'stop all of them, whoever needs them; what is in hand is done again later')
    .action(async ({ force = false }: { force?: boolean }) => {
      print(isJson(), await call('POST', '/api/gpu/stop', GpuStopped, { force }), ({ stopped, kept }) =>
        [
          stopped.length === 0 ? 'nothing was to be stopped' : `stopped: ${stopped.join(', ')}`,
          ...(kept.length === 0 ? [] : [`goes on, because others need it: ${kept.join(', ')} (--force stops it all the same)`]),
        ].join('\n'),
      );
    });

  gpu
    .command('logs')
    .description('what the worker has said last (on AWS: AWS credentials and CHUNKSCRIBE_WORKER_LOGS, a log group)')
    .option('-n, --lines <n>', 'how many lines', String(LINES))
    .action(async ({ lines }: { lines: string }) => {
      const found = (await workerLines()).slice(-Number(lines));
      print(isJson(), found, (all) => (all.length === 0 ? 'the worker has said nothing yet' : all.join('\n')));
    });
}

const HOUR_MS = 3_600_000;

async function workerLines(): Promise<string[]> {
  const host = localHost();
  if (host !== undefined) {
    const file = join(host.logs, 'worker.log');
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }
  const logGroupName = process.env['CHUNKSCRIBE_WORKER_LOGS'];
  if (logGroupName === undefined) throw new CliError('CHUNKSCRIBE_WORKER_LOGS must name the log group of the workers');
  const { CloudWatchLogsClient, FilterLogEventsCommand } = await import('@aws-sdk/client-cloudwatch-logs');
  const { events = [] } = await new CloudWatchLogsClient().send(
    new FilterLogEventsCommand({ logGroupName, startTime: Date.now() - 24 * HOUR_MS }),
  );
  return events.map(({ message = '' }) => message.trimEnd());
}
