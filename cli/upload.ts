/** A file's way up: in one piece, or in the parts that are not there yet. What was sent stays: begun again, it goes on. */
import { open, stat } from 'node:fs/promises';
import * as z from 'zod';
import { type JobCreated, JobStatus, PartUrls } from '../core/contracts/answers.ts';
import { type Call, CliError } from './connection.ts';

const PARTS_AT_ONCE = 3;
const TRIES = 4;

interface Address {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends bytes to a presigned address; tries again what a network may have broken. */
async function put({ url, headers }: Address, bytes: Uint8Array): Promise<void> {
  const { 'content-length': _said, ...rest } = headers;
  for (let left = TRIES - 1; ; left--) {
    const answer = await fetch(url, { method: 'PUT', headers: rest, body: Buffer.from(bytes) }).catch((error: Error) => error);
    if (!(answer instanceof Error)) {
      if (answer.ok || answer.status === 412) return; // 412: it is there already
      if (answer.status < 500) throw new CliError(`the upload was refused (${answer.status}); begin again for a new address`);
    }
    if (left === 0) throw new CliError('the upload is broken off again and again; the same command goes on where it ended');
    await new Promise((resolve) => setTimeout(resolve, 1000 * (TRIES - left)));
  }
}

async function readAt(path: string, from: number, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: from });
    if (bytesRead !== length) throw new CliError(`${path} has changed meanwhile; begin again`);
    return buffer;
  } finally {
    await file.close();
  }
}

async function sendParts(
  call: Call,
  id: string,
  path: string,
  partBytes: number,
  onSent: (bytes: number) => void,
): Promise<void> {
  const { size } = await stat(path);
  for (let isFirst = true; ; isFirst = false) {
    const { parts, uploaded } = await call('POST', `/api/transcriptions/${id}/parts`, PartUrls, {});
    if (isFirst) onSent(uploaded.reduce((sum, part) => sum + part.sizeBytes, 0));
    if (parts.length === 0) return;
    const left = [...parts];
    const sender = async (): Promise<void> => {
      for (let part = left.shift(); part !== undefined; part = left.shift()) {
        const from = (part.partNumber - 1) * partBytes;
        const length = Math.min(partBytes, size - from);
        await put(part, await readAt(path, from, length));
        onSent(length);
      }
    };
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sender));
  }
}

/** Uploads what is not there, and says so; answers nothing when the job has its file already. `onSent` gets bytes as they arrive. */
export async function upload(
  call: Call,
  { id, upload: where }: z.infer<typeof JobCreated>,
  path: string,
  onSent: (bytes: number) => void,
): Promise<void> {
  const { size } = await stat(path);
  if (where.kind === 'parts') await sendParts(call, id, path, where.partSizeBytes, onSent);
  else {
    await put(where, await readAt(path, 0, size));
    onSent(size);
  }
  await call('POST', `/api/transcriptions/${id}/upload-complete`, z.looseObject({}), {});
}

/** Whether the job still waits for its file. */
export async function needsUpload(call: Call, id: string): Promise<boolean> {
  const { status, stage } = await call('GET', `/api/transcriptions/${id}/status`, JobStatus);
  return status === 'pending' && stage === 'Waiting for the file';
}
