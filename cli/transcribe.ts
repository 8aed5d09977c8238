/**
 * `chunkscribe transcribe`: uploads files, waits for their jobs and writes the texts.
 *
 * Steps per file: check -> create the job (or find the one of an earlier, identical call) -> upload -> poll -> write the text.
 *
 * Gotchas: the idempotency key is derived from the file (path, modification time) and the options, so a repeated command continues
 * an interrupted one. A failing file does not stop the others, unless the error concerns the whole stage.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import type * as z from 'zod';
import { Job, JobCreated, JobStatus } from '../core/contracts/answers.ts';
import { fileTypeOf } from '../core/contracts/jobs.ts';
import { type Call, CliError, isStageWide } from './connection.ts';
import { languageHelp, languageOption } from './language.ts';
import { formatOption, modelName, textUpTo } from './options.ts';
import { bar, progress, tenth } from './output.ts';
import { needsUpload, upload } from './upload.ts';

const POLL_MS = 2000;
const [EXIT_REFUSED, EXIT_INCOMPLETE, EXIT_INTERRUPTED] = [1, 2, 130];
/** Idempotency keys tried for one file and options; a key whose job was cancelled or deleted is not reusable. */
const MAX_KEYS = 20;
/** @see CreateJob of core/contracts/http.ts */
const [MAX_PROMPT, MAX_HOTWORDS] = [800, 400];

interface Options {
  readonly format: string;
  readonly language?: string;
  readonly model?: string;
  readonly prompt?: string;
  readonly hotwords?: string;
  readonly diarize?: boolean;
  readonly urgent?: boolean;
  readonly follow: boolean;
  readonly stdout?: boolean;
  readonly force?: boolean;
}

interface Source {
  readonly path: string;
  readonly name: string;
  readonly target: string;
  readonly sizeBytes: number;
  /** Modification time; identifies the version of the file. */
  readonly modifiedMs: number;
}

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

const isWritable = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** Checks a file before the upload. @throws CliError if it cannot be uploaded or its text could not be written */
function sourceOf(file: string, { format, stdout, force, follow }: Options): Source {
  const path = resolve(file);
  const found = existsSync(path) ? statSync(path) : undefined;
  if (found === undefined) throw new CliError('the file does not exist');
  if (!found.isFile()) throw new CliError('not a regular file');
  if (found.size === 0) throw new CliError('the file is empty');
  const target = `${path.slice(0, path.length - extname(path).length)}.${format}`;
  if (follow && !stdout) {
    if (target === path) throw new CliError('the text would overwrite the file itself; --stdout prints it');
    if (!force && existsSync(target)) throw new CliError(`${target} already exists; --force overwrites it`);
    if (!isWritable(dirname(path))) throw new CliError(`the text cannot be written to ${dirname(path)}; --stdout prints it`);
  }
  return { path, name: basename(path), target, sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

/** Creates the job of a file and these options, or returns the one of an earlier call. A failed job is retried. */
async function createJob(call: Call, source: Source, options: Options): Promise<z.infer<typeof JobCreated>> {
  const body = {
    filename: source.name,
    contentType: fileTypeOf(source.name),
    sizeBytes: source.sizeBytes,
    language: options.language,
    model: options.model,
    prompt: options.prompt,
    hotwords: options.hotwords,
    diarize: options.diarize,
    priority: options.urgent ? 'urgent' : 'normal',
  };
  for (let keyNumber = 1; keyNumber <= MAX_KEYS; keyNumber++) {
    const key = createHash('sha256')
      .update(JSON.stringify([source.path, source.modifiedMs, body, keyNumber]))
      .digest('hex');
    const job = await call('POST', '/api/transcriptions', JobCreated, body, { 'idempotency-key': key }).catch((error: Error) => {
      if ('problem' in error && error.problem === 'deleted') return undefined;
      throw error;
    });
    if (job?.status === 'failed') await call('POST', `/api/transcriptions/${job.id}/retry`, Job, {});
    if (job !== undefined && job.status !== 'cancelled') return job;
  }
  throw new CliError('too many jobs of this file were cancelled; try again tomorrow');
}

export function transcribeCommand(
  program: Command,
  call: Call,
  text: (path: string) => Promise<string>,
  isJson: () => boolean,
): void {
  program
    .command('transcribe <file...>')
    .description('transcribe files of any length and write each text next to its file')
    .addOption(formatOption())
    .option(...languageOption('detected'))
    .option('-m, --model <name>', "a model other than the stage's default", modelName)
    .option('--prompt <text>', 'context for the model: text that precedes the recording', textUpTo(MAX_PROMPT))
    .option('--hotwords <words>', 'words that the model should recognize', textUpTo(MAX_HOTWORDS))
    .option('--diarize', 'identify speakers')
    .option('--urgent', 'process before other files')
    .option('--follow', 'wait for the text', true)
    .option('--no-follow', 'only upload; npx chunkscribe file list shows the progress')
    .option('--stdout', 'print the text instead of writing a file')
    .option('--force', 'overwrite existing text files')
    .addHelpText('after', `\nAfter Ctrl+C the same command continues where it stopped.\n${languageHelp}`)
    .action(async (names: string[], options: Options) => {
      const line = progress(isJson());
      process.once('SIGINT', () => {
        line.done();
        console.error('interrupted; run the same command again to continue');
        process.exit(EXIT_INTERRUPTED);
      });
      const results: FileResult[] = [];
      /** Prints a file's error and returns its message, so that the other files continue. Rethrows errors of the whole stage. */
      const failed = (file: string, error: unknown): string => {
        if (isStageWide(error) || !(error instanceof Error)) throw error;
        line.done();
        console.error(`${file}: ${error.message}`);
        return error.message;
      };

      const jobs: { source: Source; id: string }[] = [];
      const fileOfTarget = new Map<string, string>();
      for (const name of names) {
        try {
          const source = sourceOf(name, options);
          const other = fileOfTarget.get(source.target);
          if (other === source.path) continue;
          if (other !== undefined && options.follow && !options.stdout)
            throw new CliError(`its text and the text of ${other} would both be written to ${source.target}`);
          fileOfTarget.set(source.target, source.path);
          jobs.push({ source, id: await send(source) });
        } catch (error) {
          results.push({ file: resolve(name), status: 'refused', text: null, error: failed(name, error) });
        }
      }
      if (options.follow)
        for (const { source, id } of jobs)
          results.push(
            await waitAndSave(source, id).catch((error: unknown) => ({
              ...{ file: source.path, id, status: 'not-written', text: null },
              error: failed(source.name, error),
            })),
          );
      else results.push(...jobs.map(({ source, id }) => ({ file: source.path, id, status: 'sent', text: null })));
      line.done();
      report(results);

      async function send(source: Source): Promise<string> {
        const job = await createJob(call, source, options);
        if (await needsUpload(call, job.id)) {
          let sent = 0;
          await upload(call, job, source.path, (bytes) => {
            sent += bytes;
            const share = sent / source.sizeBytes;
            line.update(`${source.name}  ${bar(share)}  uploading`, `${source.path} up ${tenth(share)}`);
          });
        }
        return job.id;
      }

      async function waitAndSave(source: Source, id: string): Promise<FileResult> {
        const end = await follow(call, id, (job) => {
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
        const written = await text(`/api/transcriptions/${id}/transcript?format=${options.format}`);
        if (end.content === '') console.error(`${source.name}: no speech detected`);
        if (options.stdout) process.stdout.write(written);
        else writeFileSync(source.target, written);
        if (!options.stdout && !isJson()) console.log(source.target);
        return { ...result, text: options.stdout ? null : source.target };
      }

      function report(all: readonly FileResult[]): void {
        if (isJson() && !options.stdout) console.log(JSON.stringify(all, null, 2));
        else if (!options.follow) for (const { source, id } of jobs) console.log(`${id}  ${source.path}`);
        if (all.some(({ status }) => status === 'refused')) process.exitCode = EXIT_REFUSED;
        else if (all.some(({ status }) => status !== 'completed' && status !== 'sent')) process.exitCode = EXIT_INCOMPLETE;
      }
    });
}

/** Polls a job until it has ended. */
async function follow(
  call: Call,
  id: string,
  onChange: (job: z.infer<typeof JobStatus>) => void,
): Promise<z.infer<typeof JobStatus>> {
  for (;;) {
    const job = await call('GET', `/api/transcriptions/${id}/status`, JobStatus);
    onChange(job);
    if (job.status !== 'pending' && job.status !== 'processing') return job;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
