/** A recorder's way through the HTTP API: create a session, upload chunks, say stop, read the text. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { Transcript } from '../core/contracts/transcript.ts';
import { PROJECT, WORKER_PYTHON } from './paths.ts';
import { poll } from './poll.ts';

export interface AudioChunk {
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly seconds: number;
}

/** Cuts a recording into chunks that each decode alone. @throws Error that says in one line what is wrong with the file */
export function cutRecording(file: string, temporaryFolder: string, seconds = 30, overlapSeconds = 0): AudioChunk[] {
  const script = join(PROJECT, 'host', 'cut_audio.py');
  const { status, stdout, stderr } = spawnSync(
    WORKER_PYTHON,
    [script, file, temporaryFolder, String(seconds), String(overlapSeconds)],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr.trim());
  const chunks = z.array(z.object({ path: z.string(), seconds: z.number() })).parse(JSON.parse(stdout));
  return chunks.map((chunk) => ({ bytes: readFileSync(chunk.path), contentType: 'audio/webm', seconds: chunk.seconds }));
}

let marks = 0;
/** The same sound in other bytes: with an element at its end that players skip (EBML Void), so that it is transcribed anew. */
export function unlikeOthers(chunk: AudioChunk): AudioChunk {
  const mark = Buffer.from(`${Date.now()} ${process.pid} ${++marks}`);
  return { ...chunk, bytes: Buffer.concat([chunk.bytes, Buffer.from([0xec, 0x80 | mark.length]), mark]) };
}

const Session = z.object({
  id: z.string(),
  state: z.string(),
  transcriptStatus: z.string().optional(),
  chunks: z
    .array(z.object({ chunkNumber: z.number(), state: z.string(), attempts: z.number(), error: z.string().optional() }))
    .default([]),
  holes: z.array(z.number()).default([]),
});
export type SessionInfo = z.infer<typeof Session>;

const Upload = z.object({
  key: z.string(),
  upload: z.object({ method: z.literal('PUT'), url: z.string(), headers: z.record(z.string(), z.string()) }),
});

/** An answer that was not the expected one. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  constructor(call: string, status: number, body: string) {
    super(`${call}: ${status} ${body}`);
    this.status = status;
    this.code = z.object({ code: z.string() }).safeParse(safeJson(body)).data?.code;
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function recordingClient(apiUrl: string, token: string | undefined) {
  async function call(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Response> {
    const headers = { ...more };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(`${apiUrl}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok && answer.status !== 304) throw new ApiError(`${method} ${path}`, answer.status, await answer.text());
    return answer;
  }

  return {
    call,
    createSession: async (body: object = {}): Promise<SessionInfo> =>
      Session.parse(await (await call('POST', '/api/sessions', body)).json()),
    session: async (id: string): Promise<SessionInfo> => Session.parse(await (await call('GET', `/api/sessions/${id}`)).json()),

    presign: async (id: string, chunkNumber: number, chunk: AudioChunk, more: object = {}) =>
      Upload.parse(
        await (
          await call('POST', `/api/sessions/${id}/chunks`, {
            chunkNumber,
            contentType: chunk.contentType,
            sizeBytes: chunk.bytes.length,
            ...more,
          })
        ).json(),
      ),

    async upload(id: string, chunkNumber: number, chunk: AudioChunk, more: object = {}): Promise<Response> {
      const { upload } = await this.presign(id, chunkNumber, chunk, more);
      const { 'content-length': _length, ...headers } = upload.headers;
      return fetch(upload.url, { method: upload.method, headers, body: new Uint8Array(chunk.bytes) });
    },

    complete: async (id: string, chunkCount: number) =>
      (await call('POST', `/api/sessions/${id}/complete`, { chunkCount })).json(),

    transcript: async (id: string): Promise<Transcript> =>
      Transcript.parse(await (await call('GET', `/api/sessions/${id}/transcript`)).json()),
    /** The transcript when it is another one than that of this tag. */
    newTranscript: async (
      id: string,
      etag: string,
    ): Promise<{ readonly etag: string; readonly transcript: Transcript } | undefined> => {
      const answer = await call('GET', `/api/sessions/${id}/transcript`, undefined, { 'if-none-match': etag });
      if (answer.status === 304) return undefined;
      return { etag: answer.headers.get('etag') ?? '', transcript: Transcript.parse(await answer.json()) };
    },
    transcriptAs: async (id: string, format: string): Promise<string> =>
      (await call('GET', `/api/sessions/${id}/transcript?format=${format}`)).text(),

    /** Waits for the final transcript. @throws when it is not there in time */
    awaitTranscript(id: string, seconds: number): Promise<Transcript> {
      return poll('the transcript', seconds, async () => {
        try {
          const transcript = await this.transcript(id);
          return transcript.final ? transcript : undefined;
        } catch (error) {
          if (error instanceof ApiError && error.code === 'not-ready') return undefined;
          throw error;
        }
      });
    },

    awaitChunks(id: string, seconds: number, settled: (session: SessionInfo) => boolean): Promise<SessionInfo> {
      return poll(
        'the chunks',
        seconds,
        async () => {
          const session = await this.session(id);
          return settled(session) ? session : undefined;
        },
        250,
      );
    },
  };
}
export type RecordingClient = ReturnType<typeof recordingClient>;
