/** `node scripts/launch.mjs test/protocol-model.ts synthesize | train | export | evaluate`: recreates test/fixtures/protocol.en. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { PROTOCOL_MODEL } from './support/protocol-model.ts';

const PYTHONPATH = [join(PROTOCOL_MODEL, 'src'), join(PROJECT, 'gpu-worker', 'src')].join(':');
const { status } = spawnSync(WORKER_PYTHON, ['-m', 'protocol_model', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PYTHONPATH },
});
process.exitCode = status ?? 1;
