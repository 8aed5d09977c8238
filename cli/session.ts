import type { Command } from 'commander';
import * as z from 'zod';
import { LockStatus, Retried, SessionDetails, SessionList } from '../core/contracts/answers.ts';
import type { Call } from './connection.ts';
import { list, minutesAgo, print, table } from './output.ts';

export function sessionCommands(
  program: Command,
  call: Call,
  text: (path: string) => Promise<string>,
  isJson: () => boolean,
): void {
  const session = program.command('session').description('recordings');

  session
    .command('list')
    .description('your own sessions, newest first')
    .option('-n, --limit <n>', 'how many', '20')
    .action(async ({ limit }: { limit: string }) => {
      print(isJson(), await call('GET', `/api/sessions?limit=${encodeURIComponent(limit)}`, SessionList), ({ sessions }) =>
        table(
          ['session', 'begun', 'state', 'chunks', 'transcript', 'title'],
          sessions.map((one) => [one.id, minutesAgo(one.createdAt), one.state, one.chunkCount, one.transcriptStatus, one.title]),
        ),
      );
    });

  session
    .command('show <session>')
    .description('one session with its chunks and holes')
    .action(async (id: string) => {
      print(isJson(), await call('GET', `/api/sessions/${encodeURIComponent(id)}`, SessionDetails), (one) =>
        [
          list({
            session: one.id,
            title: one.title,
            state: one.state,
            begun: one.createdAt,
            transcript: one.transcriptStatus,
            holes: one.holes.join(', ') || 'none',
            'waits for': one.waitingFor?.reason,
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
    .command('transcript <session>')
    .description('the text')
    .option('--format <format>', 'txt, json, srt or vtt', 'txt')
    .action(async (id: string, { format }: { format: string }) => {
      const wanted = isJson() ? 'json' : format;
      process.stdout.write(
        `${(await text(`/api/sessions/${encodeURIComponent(id)}/transcript?format=${encodeURIComponent(wanted)}`)).trimEnd()}\n`,
      );
    });

  session
    .command('retry <session> <chunk>')
    .description('three new attempts for a dead chunk')
    .action(async (id: string, chunk: string) => {
      const path = `/api/sessions/${encodeURIComponent(id)}/chunks/${encodeURIComponent(chunk)}/retry`;
      print(isJson(), await call('POST', path, Retried, {}), ({ chunkNumber }) => `chunk ${chunkNumber} waits to be transcribed`);
    });

  const lock = program.command('lock').description('what holds the batch back');
  lock
    .command('status')
    .description('who records now')
    .action(async () => {
      print(isJson(), await call('GET', '/api/batch/lock-status', LockStatus), ({ locked, locks, sessions }) =>
        locked
          ? `${sessions} recording${sessions === 1 ? '' : 's'}\n\n${table(
              ['session', 'user', 'renewed', 'until'],
              locks.map((one) => [one.sessionId, one.userId, minutesAgo(one.timestamp), one.expiresAt]),
            )}`
          : 'nobody records',
      );
    });
  lock
    .command('release <session>')
    .description('release a lock, whosever it is')
    .action(async (id: string) => {
      await call('DELETE', `/api/batch/locks/${encodeURIComponent(id)}`, z.undefined());
      print(isJson(), { released: id }, () => `${id} holds no lock any more`);
    });
}
