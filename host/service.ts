/** `npm run service`: the persistent worker service on this machine, until Ctrl+C; further options are those of `gpu-worker serve`. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chooseModel, DEMO_MODEL_NOTE } from './model.ts';
import { PROJECT, WORKER_PYTHON } from './paths.ts';

const HELP = `npm run service -- [options]     a transcription service on this machine, OpenAI's API included; Ctrl+C ends it

  --model NAME|FOLDER   speech model; without it: base.en where it can be had, else the demo model of the repository
  --port N              port (default 8765)
  --host ADDRESS        address to listen on (default 127.0.0.1; any other needs SERVICE_TOKEN in the environment)
  --folder FOLDER       where queue and results are kept (default .local/service)
  --help                this text; docs/service.md has everything else`;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    port: { type: 'string', default: '8765' },
    host: { type: 'string', default: '127.0.0.1' },
    folder: { type: 'string', default: join(PROJECT, '.local', 'service') },
    help: { type: 'boolean' },
  },
});
if (values.help) console.log(HELP);
else {
  try {
    const { folder, name, isDemo } = chooseModel(values.model);
    const { port, host } = values;
    console.log(`Chunkscribe service: http://${host}:${port}   (model ${name})`);
    console.log(`  OpenAI's API: http://${host}:${port}/v1   page: http://${host}:${port}/`);
    if (isDemo) console.log(`\n${DEMO_MODEL_NOTE}`);
    const args = ['-m', 'gpu_worker', 'serve', '--model', folder, '--port', port, '--host', host, '--folder', values.folder];
    const env = { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src'), MODEL_NAME: name };
    const child = spawn(WORKER_PYTHON, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
    process.on('SIGINT', () => undefined); // Ctrl+C reaches the service by itself
    child.once('exit', (code) => {
      process.exitCode = code ?? 1;
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
