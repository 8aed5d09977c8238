/** Python modules of bench/, run with the worker's code. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type * as z from 'zod';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';

const MAX_OUTPUT_BYTES = 2 ** 28;

/** Runs a module. Returns what it prints as its last line, or undefined if it fails. */
export function pythonProof<T>(module: string, schema: z.ZodType<T>, ...args: string[]): T | undefined {
  const env = { ...process.env, PYTHONPATH: [join(PROJECT, 'gpu-worker', 'src'), join(PROJECT, 'bench')].join(':') };
  const options = { env, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES } as const;
  const { stdout, stderr, status } = spawnSync(WORKER_PYTHON, ['-m', module, ...args], options);
  if (status === 0) return schema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  console.error(stderr);
  return undefined;
}
