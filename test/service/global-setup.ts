/** Starts the persistent worker service with the protocol model, for tests with third-party clients. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort, isResponding } from '../../host/emulator.ts';
import { PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';

const INSPECTOR = join(PROJECT, '.local', 'inspector');

export interface ServiceUnderTest {
  readonly url: string;
  /** A folder that the MCP server may use, with a recording in it. */
  readonly root: string;
}
declare module 'vitest' {
  export interface ProvidedContext {
    readonly service: ServiceUnderTest;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = mkdtempSync(join(tmpdir(), 'chunkscribe-service-'));
  const port = await freePort(8865);
  const args = ['-m', 'gpu_worker', 'serve', '--model', PROTOCOL_MODEL, '--port', String(port), '--folder', join(root, 'data')];
  const env = { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') };
  const child: ChildProcess = spawn(WORKER_PYTHON, args, { stdio: ['ignore', 'inherit', 'ignore'], env });
  const url = `http://127.0.0.1:${port}`;
  await poll('the service', 120, async () => {
    if (child.exitCode !== null) throw new Error('the service has ended');
    return isResponding(`${url}/health`);
  });
  // The MCP inspector has many dependencies and is used only here, so it is installed separately with its own lockfile.
  mkdirSync(INSPECTOR, { recursive: true });
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(join(import.meta.dirname, 'inspector', name), join(INSPECTOR, name));
  execFileSync('npm', ['ci', '--no-fund', '--no-audit', '--ignore-scripts', '--loglevel=error'], {
    cwd: INSPECTOR,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  project.provide('service', { url, root });
  return async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(root, { recursive: true, force: true });
  };
}
