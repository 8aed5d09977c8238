import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from '../connection.ts';
import { print, progress } from '../output.ts';
import { placeOf, stackNameOf, stackOf } from '../stage.ts';
import { readOlder } from './older.ts';
import { StageWriter } from './stage-writer.ts';

export function importCommand(program: Command, isJson: () => boolean): void {
  program
    .command('import <folder>')
    .description('take sessions and jobs of older systems in; a second time adds only what is missing')
    .requiredOption('--user <id>', 'who they belong to: the user’s id in the user pool (its `sub`)')
    .option('--stage <name>', 'a stage on AWS, with the AWS credentials of the environment (without it: the local host)')
    .option('--dry-run', 'say what there is, and write nothing')
    .addHelpText(
      'after',
      `
The folder, of any depth (a copy of an older bucket, say):
  …session_<id>…/chunk-<number>.<webm|ogg|wav|…>     audio
  …session_<id>…/transcription-chunk-<number>.json   its text; a chunk without one is transcribed by the next batch
  job….json                                          of the older service: {job_id, status, transcript?, error?, filename?,
                                                     created_at?}, or a list of them; jobs that were never finished become failed`,
    )
    .action(async (folder: string, options: { user: string; stage?: string; dryRun?: true }) => {
      if (!existsSync(folder)) throw new CliError(`there is no folder ${folder}`);
      if (!/^[\w-]{1,128}$/.test(options.user)) throw new CliError('--user is no id of a user');
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
        throw new CliError(`nothing of an older system is in ${folder}; --help says what it looks like`);
      const summary = [
        `${found.sessions} sessions with ${found.chunks} chunks, ${found.chunksWithText} of them with their text`,
        `${found.jobs} jobs, ${found.jobsWithText} of them with their text, the others failed`,
        ...found.unreadable.map((line) => `left out: ${line}`),
      ].join('\n');
      if (options.dryRun) return print(isJson(), found, () => summary);

      const place = placeOf(options.stage);
      const stack = await stackOf(place);
      if (stack === undefined) throw new CliError(`there is no stack ${stackNameOf(place)}; are stage and region right?`);
      const writer = new StageWriter(place, stack.outputs, options.user);
      const bar = progress(isJson());
      const written = { texts: 0, pending: 0, jobs: 0, known: 0 };
      for (const [index, session] of older.sessions.entries()) {
        bar.say(`session ${index + 1}/${older.sessions.length}`);
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
          `written: ${written.texts} chunks with their text, ${written.pending} for the next batch, ${written.jobs} jobs; ${written.known} were there`,
        ].join('\n'),
      );
      if (found.unreadable.length > 0) process.exitCode = 2;
    });
}
