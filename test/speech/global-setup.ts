/** Starts a local host with a published multilingual model, for tests of its transcripts. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { startHost } from '../host/global-setup.ts';

const MODEL = 'base';

export default (project: TestProject): Promise<() => Promise<void>> => {
  const model = execFileSync(WORKER_PYTHON, ['-m', 'gpu_worker', 'find-model', MODEL, '--for-tests'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') },
  }).trim();
  // One machine that transcribes several chunks together, as a GPU does, so that concurrent uploads share a batch.
  return startHost(project, { model, machines: 1, workerEnv: { CHUNKS_AT_ONCE: '8' } });
};
