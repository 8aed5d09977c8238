import { join, sep } from 'node:path';

export const PROJECT = join(import.meta.dirname, '..');
/** Python interpreters of the environments that scripts/launch.mjs creates. */
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
  /** Fault injection for tests. @see host/emulator/faults.py */
  faults: join(root, 'faults.json'),
});
/** Whether a path is inside of the project. */
export const isInProject = (path: string): boolean => `${path}${sep}`.startsWith(`${PROJECT}${sep}`);
export type Folders = ReturnType<typeof folders>;
/** Home folder of the local host; CHUNKSCRIBE_HOME overrides it. */
export const DEFAULT_ROOT = process.env['CHUNKSCRIBE_HOME'] ?? join(PROJECT, '.local', 'host');
