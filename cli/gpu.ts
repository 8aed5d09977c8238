import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { HOUR_MS } from '../core/time.ts';
import { CliError, localHost } from './connection.ts';
import { wholeNumber } from './options.ts';
import { minutesAgo, print, table } from './output.ts';

const LINES = 100;
const MAX_LINES = 100_000;
const HOLD_MINUTES = 60;
/** @see StartGpu of core/contracts/http.ts */
const MAX_HOLD_MINUTES = 12 * 60;

/** `chunkscribe gpu`: the GPU machines. */
export function gpuCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const gpu = program.command('gpu').description('control the GPU machines');

  gpu
    .command('status')
    .description('show machines, holders, queues and costs')
    .action(async () => {
      print(isJson(), await api('GET /api/overview'), ({ gpu: { instances, waitingFor, lastError, run }, queues, cost }) =>
        [
          table(
            ['machine', 'state', 'running since', 'holders'],
            instances.map((one) => [
              one.instanceId,
              one.state,
              minutesAgo(one.runningSince),
              one.holders.map(({ holder, until }) => `${holder} until ${until.slice(11, 16)}`).join(', ') || 'none',
            ]),
          ),
          '',
          `run         ${run ?? 'none'}`,
          ...(waitingFor === undefined ? [] : [`waiting for ${waitingFor.reason}, until ${waitingFor.until}`]),
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
    .option('--minutes <n>', 'duration in minutes', wholeNumber(1, MAX_HOLD_MINUTES), HOLD_MINUTES)
    .action(async ({ minutes }: { minutes: number }) => {
      print(
        isJson(),
        await api('POST /api/gpu/start', { body: { minutes } }),
        ({ instanceId, state, heldUntil }) =>
          `${instanceId} is ${state}; you hold it until ${heldUntil} (release it with: gpu stop)`,
      );
    });

  gpu
    .command('stop')
    .description('release the machines that you hold')
    .option('--force', 'stop all machines, even if runs or other admins hold them; interrupted work is done again later')
    .action(async ({ force = false }: { force?: boolean }) => {
      print(isJson(), await api('POST /api/gpu/stop', { body: { force } }), ({ stopped, kept }) =>
        [
          stopped.length === 0 ? 'no machine was stopped' : `stopped: ${stopped.join(', ')}`,
          ...(kept.length === 0 ? [] : [`still held by others: ${kept.join(', ')} (--force stops them anyway)`]),
        ].join('\n'),
      );
    });

  gpu
    .command('logs')
    .description(
      'show the newest log lines of the worker (on AWS: needs AWS credentials and CHUNKSCRIBE_WORKER_LOGS, a log group)',
    )
    .option('-n, --lines <n>', 'number of lines', wholeNumber(1, MAX_LINES), LINES)
    .action(async ({ lines }: { lines: number }) => {
      const found = (await workerLines()).slice(-lines);
      print(isJson(), found, (all) => (all.length === 0 ? 'the worker has not logged anything yet' : all.join('\n')));
    });
}

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
