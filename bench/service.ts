/** The service under a burst of requests of mixed sizes: response times of /health meanwhile, and memory. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openAsBlob, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { freePort, isResponding } from '../host/emulator.ts';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { poll } from '../host/poll.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { memoryOf } from './files.ts';

/** Seconds of audio, file type, and number of requests; 200 in total. */
const MIX = [
  [10, 'webm', 150],
  [30, 'wav', 40],
  [125, 'wav', 9],
  [1800, 'wav', 1],
] as const;
const PROBE_MS = 20;

const Health = z.object({ model_loaded: z.boolean(), queue_size: z.number() });
const Task = z.object({ url: z.string(), files: z.array(z.object({ path: z.string(), count: z.number() })) });

/** Sends all requests at once and returns the status codes. Each has its own prompt, so that no result is reused. */
async function burst({ url, files }: z.infer<typeof Task>): Promise<number[]> {
  const each = files.flatMap(({ path, count }) => Array.from({ length: count }, (_, n) => ({ path, n })));
  return Promise.all(
    each.map(async ({ path, n }) => {
      const body = new FormData();
      body.append('prompt', `request ${n}`);
      body.append('file', await openAsBlob(path), 'talk.wav');
      const response = await fetch(`${url}/transcribe`, { method: 'POST', body });
      if (response.status === 429 && !response.headers.has('retry-after')) throw new Error('429 without Retry-After');
      await response.text();
      return response.status;
    }),
  );
}

interface ServiceFigures {
  readonly taken: number;
  readonly refused: number;
  readonly sentSeconds: number;
  readonly allSeconds: number;
  readonly audioSeconds: number;
  readonly completed: number;
  /** Response times of /health: while requests are sent, and from then until the last job is done. */
  readonly sendingMs: readonly number[];
  readonly workingMs: readonly number[];
  /** Resident memory of the server and of its children (the model's process, decoders): idle and peak. */
  readonly idleMb: number;
  readonly serverMb: number;
  readonly idleModelMb: number;
  readonly modelMb: number;
}

export async function serviceFigures(): Promise<ServiceFigures> {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const files = MIX.map(([seconds, kind, count]) => {
    const path = join(root, `${seconds}.${kind}`);
    execFileSync(WORKER_PYTHON, [join(PROJECT, 'test', 'host', 'make_audio.py'), path, String(seconds)]);
    return { path, count };
  });
  const port = await freePort(8865);
  const args = ['-m', 'gpu_worker', 'serve', '--model', PROTOCOL_MODEL, '--port', String(port), '--folder', join(root, 'data')];
  const env = { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') };
  const child = spawn(WORKER_PYTHON, args, { stdio: ['ignore', 'ignore', 'ignore'], env });
  const url = `http://127.0.0.1:${port}`;
  const health = async () => Health.parse(await (await fetch(`${url}/health`)).json());
  const metric = async (name: string): Promise<number> => {
    const all = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^chunkscribe_${name} (\\S+)`, 'm').exec(all)?.[1]);
  };
  const memory = () => memoryOf(child.pid ?? 0);
  try {
    await poll('the model', 120, async () => (await isResponding(`${url}/health`)) && (await health()).model_loaded);
    const idle = memory();
    const [sendingMs, workingMs]: [number[], number[]] = [[], []];
    let { own, children } = idle;
    let [statuses, sentSeconds]: [readonly number[] | undefined, number] = [undefined, 0];
    const startedMs = performance.now();
    const seconds = (): number => (performance.now() - startedMs) / 1000;
    const sender = new Worker(import.meta.filename, { workerData: { url, files } });
    sender.once('message', (message) => {
      [statuses, sentSeconds] = [z.array(z.number()).parse(message), seconds()];
    });
    for (;;) {
      const requestedMs = performance.now();
      const { queue_size } = await health();
      (statuses === undefined ? sendingMs : workingMs).push(performance.now() - requestedMs);
      const now = memory();
      [own, children] = [Math.max(own, now.own), Math.max(children, now.children)];
      if (statuses !== undefined && queue_size === 0 && (await metric('processing_jobs')) === 0) break;
      await wait(PROBE_MS);
    }
    const count = (status: number): number => statuses?.filter((one) => one === status).length ?? 0;
    const [audioSeconds, completed] = [await metric('audio_seconds'), await metric('completed_jobs')];
    const memories = { idleMb: idle.own, serverMb: own, idleModelMb: idle.children, modelMb: children };
    return {
      ...{ taken: count(200), refused: count(429), completed, audioSeconds },
      ...{ sentSeconds, allSeconds: seconds(), sendingMs, workingMs, ...memories },
    };
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(root, { recursive: true, force: true });
  }
}

// A separate thread sends the requests, so that it does not delay the probes.
if (!isMainThread) parentPort?.postMessage(await burst(Task.parse(workerData)));
