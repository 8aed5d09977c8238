/** `npm run service`: runs the persistent worker service on this machine until Ctrl+C. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_MODEL } from '../core/contracts/models.ts';
import { chooseModel, modelNote } from './model.ts';
import { PROJECT, WORKER_PYTHON } from './paths.ts';

const HELP = `npm run service -- [options]     runs a transcription service with an OpenAI-compatible API on this machine; Ctrl+C stops it

  --model NAME|FOLDER   speech model (default: MODEL from the environment, or ${DEFAULT_MODEL}, which is English only)
  --port N              port (default 8765)
  --host ADDRESS        address to listen on (default 127.0.0.1; any other needs SERVICE_TOKEN in the environment)
  --folder FOLDER       folder for queue and results (default .local/service)
  --help                this text; see also docs/service.md`;

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
    const model = await chooseModel(values.model ?? (process.env['MODEL'] || undefined));
    const { folder, name } = model;
    const { port, host } = values;
    console.log(`Chunkscribe service: http://${host}:${port}   (model ${name})`);
    console.log(`  OpenAI API: http://${host}:${port}/v1   page: http://${host}:${port}/`);
    const about = modelNote(model, 'npm run service --');
    if (about !== undefined) console.log(`\n${about}`);
    const args = ['-m', 'gpu_worker', 'serve', '--model', folder, '--port', port, '--host', host, '--folder', values.folder];
    const env = { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src'), MODEL_NAME: name };
    const child = spawn(WORKER_PYTHON, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
    process.on('SIGINT', () => undefined); // Ctrl+C also reaches the child, which ends by itself
    child.once('exit', (code) => {
      process.exitCode = code ?? 1;
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
