import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from '../connection.ts';
import { matching, stageName } from '../options.ts';
import { print, progress } from '../output.ts';
import { stackNameOf, stackOf, stageTarget } from '../stage.ts';
import { readOlder } from './older.ts';
import { StageWriter } from './stage-writer.ts';

const userId = matching(/^[\w-]{1,128}$/, 'a user id of the user pool');

export function importCommand(program: Command, isJson: () => boolean): void {
  program
    .command('import')
    .description('import sessions and jobs of older systems; a repeated import adds only missing items')
    .argument('<folder>', 'folder to import')
    .requiredOption('--user <id>', 'owner: the user’s id in the user pool (its `sub`)', userId)
    .option(
      '--stage <name>',
      'a stage on AWS, with the AWS credentials of the environment (without it: the local host)',
      stageName,
    )
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
      const chunks = older.sessions.flatMap((session) => session.chunks);
      const found = {
        sessions: older.sessions.length,
        chunks: chunks.length,
        chunksWithText: chunks.filter(({ text }) => text !== undefined).length,
        jobs: older.jobs.length,
        jobsWithText: older.jobs.filter(({ text }) => text !== undefined).length,
        unreadable: older.unreadable,
      };
      if (found.sessions + found.jobs === 0)
        throw new CliError(`${folder} contains no sessions or jobs; --help describes the expected files`);
      const summary = [
        `${found.sessions} sessions with ${found.chunks} chunks, ${found.chunksWithText} of them with text`,
        `${found.jobs} jobs, ${found.jobsWithText} of them with text, the others failed`,
        ...found.unreadable.map((line) => `skipped: ${line}`),
      ].join('\n');
      if (options.dryRun) return print(isJson(), found, () => summary);

      const target = stageTarget(options.stage);
      const stack = await stackOf(target);
      if (stack === undefined) throw new CliError(`there is no stack ${stackNameOf(target)}; check stage and region`);
      const writer = new StageWriter(target, stack.outputs, options.user);
      const bar = progress(isJson());
      const written = { texts: 0, pending: 0, jobs: 0, known: 0 };
      for (const [index, session] of older.sessions.entries()) {
        bar.update(`session ${index + 1}/${older.sessions.length}`);
        const { texts, pending, known } = await writer.session(session);
        written.texts += texts;
        written.pending += pending;
        written.known += known;
      }
      for (const job of older.jobs) written[(await writer.job(job)) ? 'jobs' : 'known'] += 1;
      bar.done();
      print(isJson(), { ...found, written }, () =>
        [
          summary,
          '',
          `imported: ${written.texts} chunks with text, ${written.pending} for the next batch, ${written.jobs} jobs; ${written.known} existed`,
        ].join('\n'),
      );
      if (found.unreadable.length > 0) process.exitCode = 2;
    });
}
