/** The engine on real speech, measured by the Python package in this folder: one row per quality target. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';

export const Row = z.object({
  what: z.string(),
  model: z.string(),
  ours: z.string(),
  peer: z.string(),
  target: z.string(),
  holds: z.boolean().nullable(),
});
export type Row = z.infer<typeof Row>;

/** `tiny.en` is the default model of the local host; `base` is multilingual. */
const MODELS = ['tiny.en', 'base'];
const PACKAGES = ['faster-whisper', 'ctranslate2', 'whisper-normalizer'];

const environment = {
  ...process.env,
  PYTHONPATH: [join(PROJECT, 'gpu-worker', 'src'), join(PROJECT, 'bench')].join(':'),
};

/** The lines that a Python program prints. @throws Error when it fails; its own message is on stderr */
export async function* python(args: readonly string[]): AsyncGenerator<string> {
  const child = spawn(WORKER_PYTHON, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  yield* createInterface({ input: child.stdout });
  if ((await ended) !== 0) throw new Error(`failed: python ${args.join(' ')}`);
}

/** The last line that a Python program prints. */
export async function line(args: readonly string[]): Promise<string> {
  let last = '';
  for await (const text of python(args)) last = text;
  return last;
}

export interface QualityOptions {
  /** Less speech and only `tiny.en`. */
  readonly isQuick: boolean;
  /** Names of measurements; empty: all. */
  readonly only: readonly string[];
}

/** Measures, and yields each row as soon as it is measured. */
export async function* qualityRows({ isQuick, only }: QualityOptions): AsyncGenerator<Row> {
  const models = [];
  for (const name of isQuick && only.length === 0 ? MODELS.slice(0, 1) : MODELS) {
    const folder = await line(['-m', 'gpu_worker', 'find-model', '--for-tests', name]);
    models.push('--model', `${name}=${folder}`);
  }
  const args = ['-m', 'quality.table', ...models, ...(isQuick ? ['--quick'] : []), ...only.flatMap((name) => ['--only', name])];
  for await (const text of python(args)) yield Row.parse(JSON.parse(text));
}

/** Versions of the packages that the results are compared with. */
export const peerVersions = (): Promise<string> =>
  line([
    '-c',
    `from importlib.metadata import version; print(', '.join(f'{n} {version(n)}' for n in ${JSON.stringify(PACKAGES)}))`,
  ]);

/** The rows as a Markdown table. */
export const table = (rows: readonly Row[]): string[] => [
  '| | model | ours | peer in the same run | target | holds |',
  '|---|---|---|---|---|---|',
  ...rows.map(
    ({ what, model, ours, peer, target, holds }) =>
      `| ${what} | ${model} | ${ours} | ${peer} | ${target} | ${holds === null ? '' : holds ? 'yes' : '**no**'} |`,
  ),
];
