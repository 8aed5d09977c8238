/** Uploads a job's file: as one object, or the missing parts of a multipart upload, so that an interrupted upload continues. */

import { open, stat } from 'node:fs/promises';
import pMap from 'p-map';
import type { ApiClient, CallResult } from '../core/contracts/calls/client.ts';
import { CliError } from './connection.ts';

const PARTS_AT_ONCE = 3;
const TRIES = 4;

interface PresignedUpload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** PUTs bytes to a presigned URL. Retries network errors and 5xx. @throws CliError */
export async function put({ url, headers }: PresignedUpload, bytes: Uint8Array): Promise<void> {
  const { 'content-length': _length, ...rest } = headers;
  for (let left = TRIES - 1; ; left--) {
    const response = await fetch(url, { method: 'PUT', headers: rest, body: Buffer.from(bytes) }).catch((error: Error) => error);
    if (!(response instanceof Error)) {
      if (response.ok || response.status === 412) return; // 412: already uploaded
      if (response.status < 500) throw new CliError(`S3 refused the upload (${response.status}); run the command again`);
    }
    if (left === 0) throw new CliError('the upload keeps failing; run the same command again to continue');
    await new Promise((resolve) => setTimeout(resolve, 1000 * (TRIES - left)));
  }
}

async function readAt(path: string, from: number, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: from });
    if (bytesRead !== length) throw new CliError(`${path} changed during the upload; run the command again`);
    return buffer;
  } finally {
    await file.close();
  }
}

async function sendParts(
  api: ApiClient,
  id: string,
  path: string,
  partBytes: number,
  onSent: (bytes: number) => void,
): Promise<void> {
  const { size } = await stat(path);
  for (let isFirst = true; ; isFirst = false) {
    const { parts, uploaded } = await api('POST /api/transcriptions/{id}/parts', { path: { id }, body: {} });
    if (isFirst) onSent(uploaded.reduce((sum, part) => sum + part.sizeBytes, 0));
    if (parts.length === 0) return;
    const send = async (part: (typeof parts)[number]): Promise<void> => {
      const from = (part.partNumber - 1) * partBytes;
      const length = Math.min(partBytes, size - from);
      await put(part, await readAt(path, from, length));
      onSent(length);
    };
    await pMap(parts, send, { concurrency: PARTS_AT_ONCE });
  }
}

/** Uploads a job's file and completes the upload. `onSent` receives the number of bytes of each finished upload. */
export async function upload(
  api: ApiClient,
  { id, upload: target }: CallResult<'POST /api/transcriptions'>,
  path: string,
  onSent: (bytes: number) => void,
): Promise<void> {
  const { size } = await stat(path);
  if (target.kind === 'parts') await sendParts(api, id, path, target.partSizeBytes, onSent);
  else {
    await put(target, await readAt(path, 0, size));
    onSent(size);
  }
  await api('POST /api/transcriptions/{id}/upload-complete', { path: { id } });
}

/** Whether the job is still waiting for its file. */
export async function needsUpload(api: ApiClient, id: string): Promise<boolean> {
  const { status, stage } = await api('GET /api/transcriptions/{id}/status', { path: { id } });
  return status === 'pending' && stage === 'Waiting for the file';
}
