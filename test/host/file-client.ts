/** HTTP client for file jobs. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type * as z from 'zod';
import { JobCreated, JobStatus, PartUrls } from '../../core/contracts/answers.ts';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import type { RecordingClient } from '../../host/recording-client.ts';
import { host } from './support.ts';

export type Status = z.infer<typeof JobStatus>;

/** Creates a file that repeats the sample for this many seconds, with unique content. */
export function sampleFile(seconds: number, extension: 'wav' | 'mp3' | 'flac' | 'webm'): string {
  const file = join(host.temporary, `${Date.now()}-${Math.round(performance.now() * 1000)}.${extension}`);
  const { status, stderr } = spawnSync(WORKER_PYTHON, [join('test', 'host', 'make_audio.py'), file, String(seconds)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return file;
}

export async function put(address: { url: string; headers: Record<string, string> }, body: Buffer): Promise<Response> {
  const { 'content-length': _length, ...headers } = address.headers;
  return fetch(address.url, { method: 'PUT', headers, body: new Uint8Array(body) });
}

export function fileClient(user: RecordingClient) {
  const post = async (path: string, body: object = {}, headers: Record<string, string> = {}): Promise<unknown> =>
    (await user.call('POST', path, body, headers)).json();
  return {
    create: async (body: object, headers: Record<string, string> = {}) =>
      JobCreated.parse(await post('/api/transcriptions', { filename: 'talk.mp3', contentType: 'audio/mpeg', ...body }, headers)),
    parts: async (id: string, body: object = {}) => PartUrls.parse(await post(`/api/transcriptions/${id}/parts`, body)),
    complete: (id: string) => post(`/api/transcriptions/${id}/upload-complete`),
    post,

    async send(bytes: Buffer, body: object = {}): Promise<string> {
      const { id, upload } = await this.create({ sizeBytes: bytes.length, ...body });
      if (upload.kind === 'single') {
        const answer = await put(upload, bytes);
        if (!answer.ok) throw new Error(`upload: ${answer.status}`);
      } else {
        const { parts } = await this.parts(id);
        for (const part of parts) {
          const from = (part.partNumber - 1) * upload.partSizeBytes;
          const answer = await put(part, bytes.subarray(from, from + upload.partSizeBytes));
          if (!answer.ok) throw new Error(`part ${part.partNumber}: ${answer.status}`);
        }
      }
      await this.complete(id);
      return id;
    },

    status: async (id: string): Promise<Status> =>
      JobStatus.parse(await (await user.call('GET', `/api/transcriptions/${id}/status`)).json()),
    text: async (id: string, format: string): Promise<string> =>
      (await user.call('GET', `/api/transcriptions/${id}/transcript?format=${format}`)).text(),

    /** Polls the job until `stop` returns true; returns all distinct statuses. */
    async follow(id: string, seconds: number, stop: (status: Status) => boolean = isOver): Promise<Status[]> {
      const seen: Status[] = [];
      await poll(
        'the job',
        seconds,
        async () => {
          const now = await this.status(id);
          const last = seen.at(-1);
          if (now.progress !== last?.progress || now.status !== last.status || now.stage !== last.stage) seen.push(now);
          return stop(now);
        },
        200,
      );
      return seen;
    },
  };
}
const isOver = ({ status }: Status): boolean => !['pending', 'processing'].includes(status);
