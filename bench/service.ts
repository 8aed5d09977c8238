/** The service under a burst: requests of mixed sizes at once; how quickly /health answers meanwhile, and how much memory it takes. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openAsBlob, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { answers, freePort } from '../host/emulator.ts';
import { DEMO_MODEL, PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { poll } from '../host/poll.ts';
import { memoryOf } from './files.ts';

/** Seconds of sound, kind of file, and how many of them: 200. */
const MIX = [
  [10, 'webm', 150],
  [30, 'wav', 40],
  [125, 'wav', 9],
  [1800, 'wav', 1],
] as const;
const PROBE_MS = 20;

const Health = z.object({ model_loaded: z.boolean(), queue_size: z.number() });
const Task = z.object({ url: z.string(), files: z.array(z.object({ path: z.string(), count: z.number() })) });

/** Sends all at once, each with a name of its own for a model's prompt: sound that nobody else has sent. Answers the statuses. */
async function burst({ url, files }: z.infer<typeof Task>): Promise<number[]> {
  const each = files.flatMap(({ path, count }) => Array.from({ length: count }, (_, n) => ({ path, n })));
  return Promise.all(
    each.map(async ({ path, n }) => {
      const body = new FormData();
      body.append('prompt', `request ${n}`);
      body.append('file', await openAsBlob(path), 'talk.wav');
      const answer = await fetch(`${url}/transcribe`, { method: 'POST', body });
      if (answer.status === 429 && !answer.headers.has('retry-after')) throw new Error('429 without Retry-After');
      await answer.text();
      return answer.status;
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
  /** While requests came in, and after that until the last job was done. */
  readonly sendingMs: readonly number[];
  readonly workingMs: readonly number[];
  /** Resident: the server itself, and its children (the model's process, decoders), before and at most. */
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
  const args = ['-m', 'gpu_worker', 'serve', '--model', DEMO_MODEL, '--port', String(port), '--folder', join(root, 'data')];
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
    await poll('the model', 120, async () => (await answers(`${url}/health`)) && (await health()).model_loaded);
    const idle = memory();
    const [sendingMs, workingMs]: [number[], number[]] = [[], []];
    let { own, children } = idle;
    let [statuses, sentSeconds]: [readonly number[] | undefined, number] = [undefined, 0];
    const startedMs = performance.now();
    const seconds = (): number => (performance.now() - startedMs) / 1000;
    const sender = new Worker(import.meta.filename, { workerData: { url, files } });
    sender.once('message', (said) => {
      [statuses, sentSeconds] = [z.array(z.number()).parse(said), seconds()];
    });
    for (;;) {
      const askedMs = performance.now();
      const { queue_size } = await health();
      (statuses === undefined ? sendingMs : workingMs).push(performance.now() - askedMs);
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

// The requests come from a thread of their own, so that they do not disturb the clock of the probes.
if (!isMainThread) parentPort?.postMessage(await burst(Task.parse(workerData)));
