/** HTTP client of a recorder: creates a session, uploads chunks, completes the session and reads the transcript. */
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

/** Cuts a recording into independently decodable WebM chunks. @throws Error with a one-line reason if the file is unsuitable */
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
/** Returns the chunk with unique bytes, so that no stored result is reused: appends an element that decoders skip (EBML Void). */
export function uniqueCopy(chunk: AudioChunk): AudioChunk {
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

/** An error response of the API. */
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

/** The gateway's status if a function did not respond in time, as on a busy machine. A recorder then sends the request again. */
const BAD_GATEWAY = 502;
const ATTEMPTS = 3;

export function recordingClient(apiUrl: string, token: string | undefined) {
  async function call(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Response> {
    const headers = { ...more };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const request = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    let response = await fetch(`${apiUrl}${path}`, request);
    for (let attempt = 1; response.status === BAD_GATEWAY && attempt < ATTEMPTS; attempt++)
      response = await fetch(`${apiUrl}${path}`, request);
    if (!response.ok && response.status !== 304) throw new ApiError(`${method} ${path}`, response.status, await response.text());
    return response;
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
    /** The transcript, unless it still has this ETag. */
    newTranscript: async (
      id: string,
      etag: string,
    ): Promise<{ readonly etag: string; readonly transcript: Transcript } | undefined> => {
      const response = await call('GET', `/api/sessions/${id}/transcript`, undefined, { 'if-none-match': etag });
      if (response.status === 304) return undefined;
      return { etag: response.headers.get('etag') ?? '', transcript: Transcript.parse(await response.json()) };
    },
    transcriptAs: async (id: string, format: string): Promise<string> =>
      (await call('GET', `/api/sessions/${id}/transcript?format=${format}`)).text(),

    /** Waits for the final transcript. @throws Error after the timeout */
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
