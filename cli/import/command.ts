import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from '../connection.ts';
import { matching, stageOption } from '../options.ts';
import { print, progress } from '../output.ts';
import { stackNameOf, stackOf, stageTarget } from '../stage.ts';
import { type Older, readOlder } from './older.ts';
import { StageWriter } from './stage-writer.ts';

const userId = matching(/^[\w-]{1,128}$/, 'a user id of the user pool');

function countsOf({ sessions, jobs, unreadable }: Older) {
  const chunks = sessions.flatMap((session) => session.chunks);
  return {
    sessions: sessions.length,
    chunks: chunks.length,
    chunksWithText: chunks.filter(({ text }) => text !== undefined).length,
    jobs: jobs.length,
    jobsWithText: jobs.filter(({ text }) => text !== undefined).length,
    unreadable,
  };
}

const summaryOf = (found: ReturnType<typeof countsOf>): string =>
  [
    `${found.sessions} sessions with ${found.chunks} chunks, ${found.chunksWithText} of them with text`,
    `${found.jobs} jobs, ${found.jobsWithText} of them with text, the others failed`,
    ...found.unreadable.map((line) => `skipped: ${line}`),
  ].join('\n');

/** Writes everything that the stage does not have yet, and counts it. */
async function writeAll({ sessions, jobs }: Older, writer: StageWriter, bar: ReturnType<typeof progress>) {
  const written = { texts: 0, pending: 0, jobs: 0, known: 0 };
  for (const [index, session] of sessions.entries()) {
    bar.update(`session ${index + 1}/${sessions.length}`);
    const { texts, pending, known } = await writer.session(session);
    written.texts += texts;
    written.pending += pending;
    written.known += known;
  }
  for (const job of jobs) written[(await writer.job(job)) ? 'jobs' : 'known'] += 1;
  bar.done();
  return written;
}

/** `chunkscribe import`: sessions and jobs of older systems. */
export function importCommand(program: Command, isJson: () => boolean): void {
  program
    .command('import')
    .description('import sessions and jobs of older systems; a repeated import adds only missing items')
    .argument('<folder>', 'folder to import')
    .requiredOption('--user <id>', 'owner: the user’s id in the user pool (its `sub`)', userId)
    .option(...stageOption)
    .option('--dry-run', 'report what would be imported, and write nothing')
    .addHelpText(
      'after',
      `
The folder may be nested at any depth, for example a copy of an older bucket:
  …session_<id>…/chunk-<number>.<webm|ogg|wav|…>     audio
  …session_<id>…/transcription-chunk-<number>.json   its text; the next batch transcribes chunks without one
  job….json                                          job of the older service: {job_id, status, transcript?, error?, filename?,
                                                     created_at?}, or a list; unfinished jobs are imported as failed`,
    )
    .action(async (folder: string, options: { user: string; stage?: string; dryRun?: true }) => {
      if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new CliError(`${folder} is not a folder`);
      const older = readOlder(folder);
      const found = countsOf(older);
      if (found.sessions + found.jobs === 0)
        throw new CliError(`${folder} contains no sessions or jobs; --help describes the expected files`);
      if (options.dryRun) return print(isJson(), found, summaryOf);

      const target = stageTarget(options.stage);
      const stack = await stackOf(target);
      if (stack === undefined) throw new CliError(`there is no stack ${stackNameOf(target)}; check stage and region`);
      const written = await writeAll(older, new StageWriter(target, stack.outputs, options.user), progress(isJson()));
      const { texts, pending, jobs, known } = written;
      const imported = `imported: ${texts} chunks with text, ${pending} for the next batch, ${jobs} jobs; ${known} existed`;
      print(isJson(), { ...found, written }, () => `${summaryOf(found)}\n\n${imported}`);
      if (found.unreadable.length > 0) process.exitCode = 2;
    });
}
