/**
 * Whole files on a local host: a WAV of several hours, with the worker's memory and the longest time without progress; and a
 * long file whose worker is killed repeatedly with SIGKILL.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { JobCreated, JobStatus, PartUrls } from '../core/contracts/answers.ts';
import { PROJECT, WORKER_PYTHON } from '../host/paths.ts';
import { wordErrorRate, wordsOf } from '../host/word-error-rate.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { type Bench, onHost, workerPid } from './on-host.ts';

type Status = z.infer<typeof JobStatus>;

function makeWav({ root }: Bench, seconds: number): string {
  const file = join(root, `${seconds}.wav`);
  const { status, stderr } = spawnSync(WORKER_PYTHON, [join(PROJECT, 'test', 'host', 'make_audio.py'), file, String(seconds)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return file;
}

/** Uploads a file. Returns the id of its job and how long its creation took. */
async function send({ client }: Bench, file: string, more: object = {}): Promise<{ id: string; idMs: number }> {
  const { size } = await stat(file);
  const bytes = readFileSync(file);
  const startedMs = performance.now();
  const body = { filename: 'a.wav', contentType: 'audio/wav', sizeBytes: size, ...more };
  const { id, upload } = JobCreated.parse(await (await client.call('POST', '/api/transcriptions', body)).json());
  const idMs = performance.now() - startedMs;
  const put = async (target: { url: string; headers: Record<string, string> }, data: Buffer): Promise<void> => {
    const { 'content-length': _length, ...headers } = target.headers;
    const response = await fetch(target.url, { method: 'PUT', headers, body: new Uint8Array(data) });
    if (!response.ok) throw new Error(`upload: ${response.status}`);
  };
  if (upload.kind === 'single') await put(upload, bytes);
  else
    for (;;) {
      const { parts } = PartUrls.parse(await (await client.call('POST', `/api/transcriptions/${id}/parts`, {})).json());
      if (parts.length === 0) break;
      for (const part of parts) {
        const from = (part.partNumber - 1) * upload.partSizeBytes;
        await put(part, bytes.subarray(from, from + upload.partSizeBytes));
      }
    }
  await client.call('POST', `/api/transcriptions/${id}/upload-complete`, {});
  return { id, idMs };
}

const statusOf = async ({ client }: Bench, id: string): Promise<Status> =>
  JobStatus.parse(await (await client.call('GET', `/api/transcriptions/${id}/status`)).json());

/** Polls a job until it ends. Returns its last status and the longest time without progress, in seconds. */
async function follow(bench: Bench, id: string, onPoll: () => void): Promise<{ end: Status; longestPause: number }> {
  let [last, movedMs, longestPause] = ['', Date.now(), 0];
  for (;;) {
    const now = await statusOf(bench, id);
    onPoll();
    const position = `${now.progress} ${now.stage} ${now.status}`;
    if (position !== last) {
      if (now.status === 'processing') longestPause = Math.max(longestPause, (Date.now() - movedMs) / 1000);
      [last, movedMs] = [position, Date.now()];
    }
    if (now.status !== 'pending' && now.status !== 'processing') return { end: now, longestPause };
    await wait(500);
  }
}

/** Resident memory of a process and of its children in MB; 0 when the process has ended. */
export function memoryOf(pid: number): { own: number; children: number } {
  const rss = (processId: number): number => {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processId}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  };
  try {
    const below = readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
      .filter(Boolean)
      .map(Number);
    return { own: rss(pid), children: below.reduce((sum, child) => sum + rss(child), 0) };
  } catch {
    return { own: rss(pid), children: 0 };
  }
}

/** Runs a function and samples the memory of a process. Returns the peaks in MB. */
async function sampled<T>(pid: number, run: () => Promise<T>): Promise<{ peak: number; children: number; result: T }> {
  let [peak, children] = [0, 0];
  const sampler = setInterval(() => {
    const now = memoryOf(pid);
    peak = Math.max(peak, now.own);
    children = Math.max(children, now.children);
  }, 50);
  const result = await run();
  clearInterval(sampler);
  return { peak, children, result };
}

export interface LongFile {
  readonly hours: number;
  readonly megabytes: number;
  readonly idMs: number;
  readonly seconds: number;
  readonly longestPause: number;
  readonly idleMb: number;
  /** Memory above idle while the model transcribes. */
  readonly modelMb: number;
  readonly peakMb: number;
  readonly childrenPeakMb: number;
  /** Memory that faster-whisper's process needs to decode the whole file. */
  readonly peerMb: number;
  readonly wer: number;
}

const PEER = `
import resource, sys
from faster_whisper import WhisperModel, decode_audio
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8")
before = peak()
audio = decode_audio(sys.argv[2])
print(peak() - before)
`;

export const longFile = (hours: number): Promise<LongFile> =>
  onHost({}, async (bench) => {
    // The idle memory is measured after a first file: the worker is warm, and its batches have been full once.
    const small = makeWav(bench, 125);
    await follow(bench, (await send(bench, small)).id, () => undefined);
    await wait(3000);
    const pid = workerPid(bench.root);
    if (pid === undefined) throw new Error('no worker');
    const idle = memoryOf(pid);
    // A second file of a few chunks shows the memory that the model needs while it transcribes.
    const { peak: modelPeak } = await sampled(pid, async () =>
      follow(bench, (await send(bench, makeWav(bench, 126))).id, () => undefined),
    );
    const file = makeWav(bench, hours * 3600);
    const startedMs = Date.now();
    const { id, idMs } = await send(bench, file);
    const { peak, children, result } = await sampled(pid, () => follow(bench, id, () => undefined));
    const { end, longestPause } = result;
    const seconds = (Date.now() - startedMs) / 1000;
    if (end.status !== 'completed') throw new Error(`${end.status}: ${end.error}`);
    const { stdout, stderr, status } = spawnSync(WORKER_PYTHON, ['-c', PEER, PROTOCOL_MODEL, file], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const sample = z
      .object({ words: z.array(z.object({ word: z.string() })) })
      .parse(JSON.parse(readFileSync(join(PROTOCOL_MODEL, 'samples', 'sample-125s.json'), 'utf8')))
      .words.map(({ word }) => word);
    const text = wordsOf(end.content ?? '');
    // Only the first 15 minutes: comparing all words of several hours takes longer than transcribing them.
    const times = Math.floor(900 / 125);
    const spoken = Array.from({ length: times }, () => sample).flat();
    return {
      hours,
      megabytes: (await stat(file)).size / 1e6,
      idMs,
      seconds,
      longestPause,
      idleMb: idle.own,
      modelMb: modelPeak - idle.own,
      peakMb: peak,
      childrenPeakMb: children,
      peerMb: Number(stdout),
      wer: wordErrorRate(spoken, text.slice(0, spoken.length)),
    };
  });

export interface FileKills {
  readonly kills: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly undisturbedSeconds: number;
  readonly equal: boolean;
}

/** Kills the worker at random times during one file. The text must equal that of the same file without kills. */
export const fileKills = (count: number, minutes: number, random: () => number): Promise<FileKills> =>
  onHost({ workerEnv: { LEASE_SECONDS: '5' } }, async (bench) => {
    const file = makeWav(bench, minutes * 60);
    const first = Date.now();
    const undisturbed = await follow(bench, (await send(bench, file)).id, () => undefined);
    const undisturbedSeconds = (Date.now() - first) / 1000;
    const startedMs = Date.now();
    const { id } = await send(bench, file, { language: 'en' });
    let kills = 0;
    let isOver = false;
    const killing = (async () => {
      while (kills < count && !isOver) {
        await wait(1000 + random() * 6000);
        try {
          const pid = workerPid(bench.root);
          if (pid !== undefined && !isOver) {
            process.kill(pid, 'SIGKILL');
            kills += 1;
          }
        } catch {
          // the process has just ended
        }
      }
    })();
    const { end } = await follow(bench, id, () => undefined);
    isOver = true;
    await killing;
    const equal = end.status === 'completed' && end.content === undisturbed.end.content;
    return { kills, minutes, seconds: (Date.now() - startedMs) / 1000, undisturbedSeconds, equal };
  });
