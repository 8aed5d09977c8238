/**
 * `chunkscribe transcribe`: uploads files, waits for their jobs and writes the texts.
 *
 * Steps per file: check -> create the job (or find the one of an earlier, identical call) -> upload -> poll -> write the text.
 *
 * Gotchas: the idempotency key is derived from the file (path, modification time) and the options, so a repeated command continues
 * an interrupted one. A failing file does not stop the others, unless the error concerns the whole stage.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ApiClient } from '../../core/contracts/calls/client.ts';
import { CHANNELS } from '../../core/contracts/media.ts';
import { isStageWide } from '../connection.ts';
import { languageHelp, languageOption } from '../language.ts';
import { choice, isoTime, modelName, speakerCount, textUpTo } from '../options.ts';
import { bar, progress, tenth } from '../output.ts';
import { checkPrinted, type TextOptions, textQuery, withTextOptions } from '../text.ts';
import { needsUpload, upload } from '../upload.ts';
import { createJob, follow, type JobOptions } from './job.ts';
import { type OutputOptions, type Source, sourceChecker } from './source.ts';

const [EXIT_REFUSED, EXIT_INCOMPLETE, EXIT_INTERRUPTED] = [1, 2, 130];
/** @see CreateJob of core/contracts/http.ts */
const [MAX_PROMPT, MAX_HOTWORDS] = [800, 400];

type Options = JobOptions & OutputOptions & TextOptions;

/** Result of one file, as printed with --json. */
interface FileResult {
  readonly file: string;
  /** Absent if no job was created. */
  readonly id?: string;
  /** The job's status, or `refused` (not uploaded), `sent` (--no-follow), `not-written`. */
  readonly status: string;
  /** Path of the written text. */
  readonly text: string | null;
  readonly error?: string;
}

interface Run {
  readonly api: ApiClient;
  readonly options: Options;
  readonly isJson: boolean;
  readonly line: ReturnType<typeof progress>;
}

/** Uploads a file, unless an earlier call has done so. Returns the id of its job. */
async function send({ api, options, line }: Run, source: Source): Promise<string> {
  const job = await createJob(api, source, options);
  if (await needsUpload(api, job.id)) {
    let sent = 0;
    await upload(api, job, source.path, (bytes) => {
      sent += bytes;
      const share = sent / source.sizeBytes;
      line.update(`${source.name}  ${bar(share)}  uploading`, `${source.path} up ${tenth(share)}`);
    });
  }
  return job.id;
}

/** Waits for a job, then writes or prints its text. */
async function waitAndSave({ api, options, isJson, line }: Run, source: Source, id: string): Promise<FileResult> {
  const { stdout } = options;
  const end = await follow(api, id, (job) => {
    const share = job.progress / 100;
    line.update(`${source.name}  ${bar(share)}  ${job.stage}`, `${source.path} ${tenth(share)}`);
  });
  line.done();
  const result = { file: source.path, id, status: end.status, text: null };
  if (end.status !== 'completed') {
    const error = end.error ?? end.status;
    console.error(`${source.name}: ${error}`);
    return { ...result, error };
  }
  const text = await api.bytes('GET /api/transcriptions/{id}/transcript', { path: { id }, query: textQuery(options) });
  if (end.content === '') console.error(`${source.name}: no speech detected`);
  if (stdout) process.stdout.write(text);
  else writeFileSync(source.target, text);
  if (!stdout && !isJson) console.log(source.target);
  return { ...result, text: stdout ? null : source.target };
}

/** Prints the error of a file and returns its message, so that the other files continue. Rethrows errors of the whole stage. */
function reported({ line }: Run, file: string, error: unknown): string {
  if (isStageWide(error) || !(error instanceof Error)) throw error;
  line.done();
  console.error(`${file}: ${error.message}`);
  return error.message;
}

/** Uploads all files, then waits for their texts in the same order. */
async function transcribe(run: Run, files: readonly string[]): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const jobs: { source: Source; id: string }[] = [];
  const check = sourceChecker(run.options);
  for (const file of files) {
    try {
      const source = check(file);
      if (source !== undefined) jobs.push({ source, id: await send(run, source) });
    } catch (error) {
      results.push({ file: resolve(file), status: 'refused', text: null, error: reported(run, file, error) });
    }
  }
  for (const { source, id } of jobs) {
    const result = { file: source.path, id, text: null };
    const saved = run.options.follow
      ? await waitAndSave(run, source, id).catch((error: unknown) => ({
          ...{ ...result, status: 'not-written' },
          error: reported(run, source.name, error),
        }))
      : { ...result, status: 'sent' };
    results.push(saved);
  }
  run.line.done();
  return results;
}

/** Prints what was not printed file by file. */
function printResults(results: readonly FileResult[], { options, isJson }: Run): void {
  if (isJson && !options.stdout) console.log(JSON.stringify(results, null, 2));
  else if (!options.follow) for (const { id, file } of results) if (id !== undefined) console.log(`${id}  ${file}`);
}

const exitStatusOf = (results: readonly FileResult[]): number | undefined => {
  if (results.some(({ status }) => status === 'refused')) return EXIT_REFUSED;
  return results.every(({ status }) => status === 'completed' || status === 'sent') ? undefined : EXIT_INCOMPLETE;
};

/** Adds the command to the program. */
export function transcribeCommand(program: Command, api: ApiClient, isJson: () => boolean): void {
  withTextOptions(
    program.command('transcribe <file...>').description('transcribe files of any length and write each text next to its file'),
  )
    .option(...languageOption('detected'))
    .option('-m, --model <name>', "a model other than the stage's default", modelName)
    .option('--prompt <text>', 'context for the model: text that precedes the recording', textUpTo(MAX_PROMPT))
    .option('--hotwords <words>', 'words that the model should recognize', textUpTo(MAX_HOTWORDS))
    .option('--diarize', 'identify speakers')
    .option('--min-speakers <n>', 'with --diarize: smallest number of speakers, if you know it', speakerCount)
    .option(
      '--max-speakers <n>',
      'with --diarize: largest number of speakers; the same as the smallest: exactly as many',
      speakerCount,
    )
    .addOption(choice('--channels <way>', 'separate: each channel or track is transcribed alone, as one speaker', CHANNELS))
    .option(
      '--recorded-at <time>',
      "when the recording began, in ISO 8601; by default what the file tells, else the file's date",
      isoTime,
    )
    .option('--urgent', 'process before other files')
    .option('--follow', 'wait for the text', true)
    .option('--no-follow', 'only upload; npx chunkscribe file list shows the progress')
    .option('--stdout', 'print the text instead of writing a file')
    .option('--force', 'overwrite existing text files')
    .addHelpText('after', `\nAfter Ctrl+C the same command continues where it stopped.\n${languageHelp}`)
    .action(async (files: string[], options: Options) => {
      textQuery(options);
      if (options.stdout) checkPrinted(options.format, 'without --stdout it is written into a file');
      const run: Run = { api, options, isJson: isJson(), line: progress(isJson()) };
      process.once('SIGINT', () => {
        run.line.done();
        console.error('interrupted; run the same command again to continue');
        process.exit(EXIT_INTERRUPTED);
      });
      const results = await transcribe(run, files);
      printResults(results, run);
      const exitStatus = exitStatusOf(results);
      if (exitStatus !== undefined) process.exitCode = exitStatus;
    });
}
