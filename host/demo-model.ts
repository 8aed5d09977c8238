/** `npm run demo-model -- synthesize | train | export | evaluate`: makes the demo model anew; see gpu-worker/demo_model/README.md. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT, WORKER_PYTHON } from './paths.ts';

const worker = join(PROJECT, 'gpu-worker');
const PYTHONPATH = [join(worker, 'demo_model', 'src'), join(worker, 'src')].join(':');
const { status } = spawnSync(WORKER_PYTHON, ['-m', 'demo_model', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PYTHONPATH },
});
process.exitCode = status ?? 1;
