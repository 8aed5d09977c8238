import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..');
export const DEMO_MODEL = join(PROJECT, 'gpu-worker', 'demo_model');
/** Interpreters that scripts/launch.mjs has made. */
export const WORKER_PYTHON = join(PROJECT, '.local', 'venvs', 'worker', 'bin', 'python');
export const EMULATOR_PYTHON = join(PROJECT, '.local', 'venvs', 'emulator', 'bin', 'python');

/** Folders of one local host. */
export const folders = (root: string) => ({
  root,
  logs: join(root, 'logs'),
  state: join(root, 'state'),
  run: join(root, 'run'),
  synth: join(root, 'cdk.out'),
  temporary: join(root, 'tmp'),
  /** What tests make go wrong: host/emulator/launcher.py says what it may hold. */
  faults: join(root, 'faults.json'),
});
export type Folders = ReturnType<typeof folders>;
/** Where the local host keeps its state; CHUNKSCRIBE_HOME names another folder. */
export const DEFAULT_ROOT = process.env['CHUNKSCRIBE_HOME'] ?? join(PROJECT, '.local', 'host');
