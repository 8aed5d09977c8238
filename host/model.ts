/** Selects the speech model of the local worker. `gpu_worker find-model` finds, downloads and verifies it. */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { canonicalName, DEFAULT_MODEL, englishOnlyNote } from '../core/contracts/models.ts';
import { PROJECT, WORKER_PYTHON } from './paths.ts';

const FoundModel = z.object({ folder: z.string(), name: z.string(), languages: z.enum(['en', 'multilingual']) });
const ModelReply = z.union([FoundModel, z.object({ error: z.string() })]);

/** A model on this machine; `name` is the name in results. */
export type ChosenModel = z.infer<typeof FoundModel>;

/**
 * Finds a model by published name or folder, downloads it if necessary (progress on stderr) and verifies it.
 * @throws Error with a one-line reason if the model is not available
 */
export async function chooseModel(requested = DEFAULT_MODEL, signal?: AbortSignal): Promise<ChosenModel> {
  const child = spawn(WORKER_PYTHON, ['-m', 'gpu_worker', 'find-model', '--json', '--', requested], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true, // Ctrl+C must not reach it directly: Python would print a traceback; `signal` ends it
    env: { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') },
    ...(signal && { signal }),
  });
  let found = '';
  child.stdout.on('data', (data: Buffer) => {
    found += data.toString();
  });
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (found === '') throw new Error(`the search for the model ${requested} was interrupted`);
  const outcome = ModelReply.parse(JSON.parse(found));
  if ('error' in outcome) throw new Error(outcome.error);
  return outcome;
}

/** A note for users of an English-only model; undefined for multilingual models. */
export const modelNote = ({ name, languages }: ChosenModel, command: string): string | undefined =>
  languages === 'en' ? englishOnlyNote(name, command) : undefined;

/** Whether the running host uses the model of this name or folder. */
export async function isSameModel(running: ChosenModel, requested: string): Promise<boolean> {
  if (canonicalName(requested) === running.name) return true;
  if (!existsSync(requested) || !statSync(requested).isDirectory()) return false; // a different name; comparing needs no download
  if (realpathSync(requested) === realpathSync(running.folder)) return true;
  return (await chooseModel(requested)).name === running.name;
}
