import { createHash } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import type * as z from 'zod';
import { Job, JobCreated, JobStatus } from '../core/contracts/answers.ts';
import { FILE_TYPE_OF_EXTENSION } from '../core/contracts/jobs.ts';
import { type Call, CliError } from './connection.ts';
import { bar, print, progress } from './output.ts';
import { needsUpload, upload } from './upload.ts';

const POLL_MS = 2000;
const FORMATS = ['txt', 'json', 'srt', 'vtt'];
const INTERRUPTED = 130;
/** Jobs of one file and wishes that were cancelled or deleted, before somebody gives up. */
const MAX_BEGINNINGS = 20;

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
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Tells this file from another version of it. */
  readonly changedMs: number;
}

/** @throws CliError in one line for what cannot be sent, or written in the end */
function sourceOf(file: string, { format, stdout, force, follow }: Options): Source {
  const path = resolve(file);
  const found = existsSync(path) ? statSync(path) : undefined;
  if (found === undefined) throw new CliError(`there is no file ${file}`);
  if (!found.isFile()) throw new CliError(`${file} is no file`);
  const contentType = FILE_TYPE_OF_EXTENSION[extname(path).slice(1).toLowerCase()];
  if (contentType === undefined)
    throw new CliError(`${file}: a file of one of these kinds, please: ${Object.keys(FILE_TYPE_OF_EXTENSION).join(', ')}`);
  const target = `${path.slice(0, path.length - extname(path).length)}.${format}`;
  if (follow && !stdout && !force && existsSync(target)) throw new CliError(`${target} is there already; --force overwrites it`);
  return { path, name: basename(path), target, contentType, sizeBytes: found.size, changedMs: found.mtimeMs };
}

/** The job of this very file and these wishes: the same one when the command is given again. */
async function begin(call: Call, source: Source, options: Options): Promise<z.infer<typeof JobCreated>> {
  const body = {
    filename: source.name,
    contentType: source.contentType,
    sizeBytes: source.sizeBytes,
    language: options.language,
    model: options.model,
    prompt: options.prompt,
    hotwords: options.hotwords,
    diarize: options.diarize,
    priority: options.urgent ? 'urgent' : 'normal',
  };
  for (let beginning = 1; beginning <= MAX_BEGINNINGS; beginning++) {
    const key = createHash('sha256')
      .update(JSON.stringify([source.path, source.changedMs, body, beginning]))
      .digest('hex');
    const job = await call('POST', '/api/transcriptions', JobCreated, body, { 'idempotency-key': key }).catch((error: Error) => {
      if ('problem' in error && error.problem === 'deleted') return undefined;
      throw error;
    });
    if (job?.status === 'failed') await call('POST', `/api/transcriptions/${job.id}/retry`, Job, {});
    if (job !== undefined && job.status !== 'cancelled') return job;
  }
  throw new CliError(`${source.name}: too many jobs of this file were cancelled; wait a day`);
}

export function transcribeCommand(
  program: Command,
  call: Call,
  text: (path: string) => Promise<string>,
  isJson: () => boolean,
): void {
  program
    .command('transcribe <file...>')
    .description('transcribe files of any length; the text is written beside each file')
    .option('-f, --format <format>', FORMATS.join(', '), 'txt')
    .option('-l, --language <code>', 'such as en; without it, models that know several find out')
    .option('-m, --model <name>', "another model than the stage's own")
    .option('--prompt <text>', 'text that the recording is taken to follow')
    .option('--hotwords <words>', 'words to listen for')
    .option('--diarize', 'find out who speaks')
    .option('--urgent', 'in front of other files')
    .option('--follow', 'wait for the text (that is what happens anyway)', true)
    .option('--no-follow', 'only upload; npx chunkscribe file list shows how far it is')
    .option('--stdout', 'write the text to the standard output')
    .option('--force', 'overwrite texts that are there')
    .addHelpText('after', '\nCtrl+C loses nothing: the same command goes on where it was.')
    .action(async (names: string[], options: Options) => {
      if (!FORMATS.includes(options.format)) throw new CliError(`${options.format} is none of ${FORMATS.join(', ')}`);
      const sources = names.map((name) => sourceOf(name, options));
      const line = progress(isJson());
      process.once('SIGINT', () => {
        line.done();
        console.error('interrupted; the same command goes on where it was');
        process.exit(INTERRUPTED);
      });
      const jobs: { source: Source; id: string }[] = [];
      for (const source of sources) {
        const job = await begin(call, source, options);
        jobs.push({ source, id: job.id });
        if (await needsUpload(call, job.id)) {
          let sent = 0;
          await upload(call, job, source.path, (bytes) => {
            sent += bytes;
            line.say(`${source.name}  ${bar(sent / source.sizeBytes)}  uploading`);
          });
        }
      }
      if (!options.follow) {
        line.done();
        return print(
          isJson(),
          jobs.map(({ source, id }) => ({ file: source.path, id })),
          (all) => all.map(({ file, id }) => `${id}  ${file}`).join('\n'),
        );
      }
      const done: { file: string; id: string; status: string; text: string | null }[] = [];
      for (const { source, id } of jobs) {
        const end = await follow(call, id, (job) => line.say(`${source.name}  ${bar(job.progress / 100)}  ${job.stage}`));
        line.done();
        const written =
          end.status === 'completed' ? await text(`/api/transcriptions/${id}/transcript?format=${options.format}`) : null;
        if (written === null) console.error(`${source.name}: ${end.error ?? end.status}`);
        else if (options.stdout) process.stdout.write(written);
        else {
          writeFileSync(source.target, written);
          if (!isJson()) console.log(source.target);
        }
        done.push({ file: source.path, id, status: end.status, text: written === null || options.stdout ? null : source.target });
      }
      if (isJson() && !options.stdout) console.log(JSON.stringify(done, null, 2));
      if (done.some(({ status }) => status !== 'completed')) process.exitCode = 2;
    });
}

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
