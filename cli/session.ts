import type { Command } from 'commander';
import type { ApiClient, CallResult } from '../core/contracts/calls/client.ts';
import { recordedOr } from '../core/contracts/recorded.ts';
import { clock } from '../core/contracts/without-text.ts';
import { chunkNumber, listLimit, removableText, sessionId } from './options.ts';
import { list, minutesAgo, print, table } from './output.ts';
import { type Order, sortedPage, sortOption } from './sorted.ts';
import { NEW_NAME, namedText, SPEAKER } from './speaker.ts';
import { transcriptCommand } from './text.ts';

const sessionText = (session: CallResult<'GET /api/sessions/{id}'>): string => {
  const facts = list({
    session: session.id,
    title: session.title,
    state: session.state,
    created: session.createdAt,
    recorded: session.recordedAt,
    transcript: session.transcriptStatus,
    language: session.language ?? session.detectedLanguage,
    model: session.model,
    retranscription: session.retranscribing ? 'in progress' : undefined,
    'missing chunks': session.holes.join(', ') || 'none',
    'waiting for': session.waitingFor?.reason,
  });
  const rows = session.chunks.map((chunk) => [
    chunk.chunkNumber,
    chunk.state,
    chunk.durationSeconds?.toFixed(1),
    Math.ceil(chunk.sizeBytes / 1024),
    chunk.attempts,
    chunk.error,
  ]);
  return `${facts}\n\n${table(['chunk', 'state', 'seconds', 'KB', 'attempts', 'error'], rows)}`;
};

/** `chunkscribe session`: the user's recordings. */
export function sessionCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const session = program.command('session').description('manage sessions (recordings)');

  session
    .command('list')
    .description('list your sessions, newest first')
    .option('-n, --limit <n>', 'number of rows', listLimit, 20)
    .addOption(sortOption())
    .action(async ({ limit, sort }: { limit: number; sort: Order }) => {
      const { items: sessions, cursor } = await sortedPage(sort, limit, async (count, after) => {
        const page = await api('GET /api/sessions', { query: { limit: count, cursor: after } });
        return { items: page.sessions, cursor: page.cursor };
      });
      print(isJson(), { sessions, cursor }, () =>
        table(
          ['session', 'recorded', 'state', 'chunks', 'transcript', 'title'],
          sessions.map((one) => [
            one.id,
            minutesAgo(recordedOr(one)),
            one.state,
            one.chunkCount,
            one.transcriptStatus,
            one.title,
          ]),
        ),
      );
    });

  session
    .command('show')
    .description('show a session with its chunks and gaps')
    .argument('<session>', 'id', sessionId)
    .action(async (id: string) => {
      print(isJson(), await api('GET /api/sessions/{id}', { path: { id } }), sessionText);
    });

  transcriptCommand(
    session.command('transcript').description('print the text').argument('<session>', 'id', sessionId),
    isJson,
    (id, query) => api.bytes('GET /api/sessions/{id}/transcript', { path: { id }, query }),
  );

  session
    .command('rename')
    .description('change the title')
    .argument('<session>', 'id', sessionId)
    .argument('<title>', 'new title; an empty one removes it', removableText(200))
    .action(async (id: string, title: string) => {
      print(isJson(), await api('PATCH /api/sessions/{id}', { path: { id }, body: { title } }), (renamed) =>
        renamed.title === undefined ? `${id} has no title` : `${id} is "${renamed.title}"`,
      );
    });

  session
    .command('speaker')
    .description('name a speaker of the text, or merge two')
    .argument('<session>', 'id', sessionId)
    .argument(...SPEAKER)
    .argument(...NEW_NAME)
    .action(async (id: string, speaker: string, name: string) => {
      const named = await api('PUT /api/sessions/{id}/speakers', { path: { id }, body: { speaker, name } });
      print(isJson(), named, () => namedText(speaker, name));
    });

  session
    .command('notes')
    .description('list the notes of a recording')
    .argument('<session>', 'id', sessionId)
    .action(async (id: string) => {
      print(isJson(), await api('GET /api/sessions/{id}/notes', { path: { id } }), ({ notes }) =>
        notes.map(({ at, text }) => `${at === undefined ? '-' : clock(at)}  ${text}`).join('\n'),
      );
    });

  session
    .command('retry')
    .description('retry a permanently failed chunk with three new attempts')
    .argument('<session>', 'id', sessionId)
    .argument('<chunk>', 'chunk number', chunkNumber)
    .action(async (id: string, n: number) => {
      const retried = await api('POST /api/sessions/{id}/chunks/{n}/retry', { path: { id, n } });
      print(isJson(), retried, ({ chunkNumber }) => `chunk ${chunkNumber} is pending again`);
    });
}

/** `chunkscribe lock`: the locks of recordings. */
export function lockCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const lock = program.command('lock').description('manage recording locks, which delay the batch');
  lock
    .command('status')
    .description('show active recordings')
    .action(async () => {
      print(isJson(), await api('GET /api/batch/lock-status'), ({ locked, locks, sessions }) =>
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
      await api('DELETE /api/batch/locks/{id}', { path: { id } });
      print(isJson(), { released: id }, () => `the lock of ${id} is released`);
    });
}
