import type { Command } from 'commander';
import * as z from 'zod';
import { LockStatus, Retried, SessionDetails, SessionList } from '../core/contracts/answers.ts';
import type { Call } from './connection.ts';
import { chunkNumber, formatOption, listLimit, sessionId } from './options.ts';
import { list, minutesAgo, print, table } from './output.ts';

export function sessionCommands(
  program: Command,
  call: Call,
  text: (path: string) => Promise<string>,
  isJson: () => boolean,
): void {
  const session = program.command('session').description('manage sessions (recordings)');

  session
    .command('list')
    .description('list your sessions, newest first')
    .option('-n, --limit <n>', 'number of rows', listLimit, 20)
    .action(async ({ limit }: { limit: number }) => {
      print(isJson(), await call('GET', `/api/sessions?limit=${limit}`, SessionList), ({ sessions }) =>
        table(
          ['session', 'created', 'state', 'chunks', 'transcript', 'title'],
          sessions.map((one) => [one.id, minutesAgo(one.createdAt), one.state, one.chunkCount, one.transcriptStatus, one.title]),
        ),
      );
    });

  session
    .command('show')
    .description('show a session with its chunks and gaps')
    .argument('<session>', 'id', sessionId)
    .action(async (id: string) => {
      print(isJson(), await call('GET', `/api/sessions/${encodeURIComponent(id)}`, SessionDetails), (one) =>
        [
          list({
            session: one.id,
            title: one.title,
            state: one.state,
            created: one.createdAt,
            transcript: one.transcriptStatus,
            language: one.language ?? one.detectedLanguage,
            model: one.model,
            retranscription: one.retranscribing ? 'in progress' : undefined,
            'missing chunks': one.holes.join(', ') || 'none',
            'waiting for': one.waitingFor?.reason,
          }),
          '',
          table(
            ['chunk', 'state', 'seconds', 'KB', 'attempts', 'error'],
            one.chunks.map((chunk) => [
              chunk.chunkNumber,
              chunk.state,
              chunk.durationSeconds?.toFixed(1),
              Math.ceil(chunk.sizeBytes / 1024),
              chunk.attempts,
              chunk.error,
            ]),
          ),
        ].join('\n'),
      );
    });

  session
    .command('transcript')
    .description('print the text')
    .argument('<session>', 'id', sessionId)
    .addOption(formatOption())
    .action(async (id: string, { format }: { format: string }) => {
      const requested = isJson() ? 'json' : format;
      process.stdout.write(
        `${(await text(`/api/sessions/${encodeURIComponent(id)}/transcript?format=${encodeURIComponent(requested)}`)).trimEnd()}\n`,
      );
    });

  session
    .command('retry')
    .description('retry a permanently failed chunk with three new attempts')
    .argument('<session>', 'id', sessionId)
    .argument('<chunk>', 'chunk number', chunkNumber)
    .action(async (id: string, chunk: number) => {
      const path = `/api/sessions/${encodeURIComponent(id)}/chunks/${chunk}/retry`;
      print(isJson(), await call('POST', path, Retried, {}), ({ chunkNumber }) => `chunk ${chunkNumber} is pending again`);
    });

  const lock = program.command('lock').description('manage recording locks, which delay the batch');
  lock
    .command('status')
    .description('show active recordings')
    .action(async () => {
      print(isJson(), await call('GET', '/api/batch/lock-status', LockStatus), ({ locked, locks, sessions }) =>
        locked
          ? `${sessions} recording${sessions === 1 ? '' : 's'}\n\n${table(
              ['session', 'user', 'renewed', 'until'],
              locks.map((one) => [one.sessionId, one.userId, minutesAgo(one.timestamp), one.expiresAt]),
            )}`
          : 'no active recordings',
      );
    });
  lock
    .command('release')
    .description('release a lock of any owner')
    .argument('<session>', 'id', sessionId)
    .action(async (id: string) => {
      await call('DELETE', `/api/batch/locks/${encodeURIComponent(id)}`, z.undefined());
      print(isJson(), { released: id }, () => `the lock of ${id} is released`);
    });
}
