/** Which model the worker of this machine loads: the one asked for, a published one where it can be had, else the demo model. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DEMO_MODEL, PROJECT, WORKER_PYTHON } from './paths.ts';

const PREFERRED = 'base.en';

export interface ChosenModel {
  readonly folder: string;
  /** What results say. */
  readonly name: string;
  readonly isDemo: boolean;
}

export const DEMO_MODEL_NOTE =
  'This is the demo model: it understands 110 words (digits, the NATO alphabet, colours, commands, meeting words) and nothing else.\n' +
  'For real speech: npm start -- --model base.en   (downloads about 145 MB once), or --model FOLDER with a CTranslate2 Whisper model.';

/** Folder of a published model, or why it cannot be had. The size is told before a download, and its progress shown. */
function findModel(name: string): { folder: string } | { why: string } {
  const { stdout, stderr, status } = spawnSync(WORKER_PYTHON, ['-m', 'gpu_worker', 'find-model', name], {
    encoding: 'utf8',
    // Progress goes to people at once; what is not a terminal gets the last line only.
    stdio: ['ignore', 'pipe', process.stderr.isTTY ? 'inherit' : 'pipe'],
    env: { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') },
  });
  if (status === 0) return { folder: stdout.trim() };
  return { why: stderr?.trim().split('\n').at(-1) ?? `the model ${name} cannot be had` };
}

/** @throws Error that says in one line why the model that was asked for cannot be had */
export function chooseModel(asked: string | undefined): ChosenModel {
  const folder = resolve(asked ?? '.');
  if (asked !== undefined && existsSync(folder) && statSync(folder).isDirectory()) {
    if (!existsSync(join(folder, 'model.bin'))) throw new Error(`${folder} holds no model.bin: it is no CTranslate2 model`);
    return { folder, name: basename(folder), isDemo: folder === DEMO_MODEL };
  }
  const found = findModel(asked ?? PREFERRED);
  if ('folder' in found) return { folder: found.folder, name: asked ?? PREFERRED, isDemo: false };
  if (asked !== undefined) throw new Error(found.why);
  return { folder: DEMO_MODEL, name: basename(DEMO_MODEL), isDemo: true };
}
