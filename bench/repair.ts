/** One batch run repairs many sessions, each of which has lost the result of one random chunk. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type * as z from 'zod';
import { BatchRun, BatchRunDetails, Overview, SessionDetails } from '../core/contracts/answers.ts';
import { chunkTranscriptKey } from '../core/contracts/keys.ts';
import { poll } from '../host/poll.ts';
import { cutRecording, type RecordingClient, uniqueCopy } from '../host/recording-client.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { onHost } from './on-host.ts';

const CHUNKS = 3;
const CHUNK_SECONDS = 10;
const MINUTES = 60;

/** Sends a session of three pieces. Returns its id. */
async function record(client: RecordingClient, n: number, pieces: ReturnType<typeof cutRecording>): Promise<string> {
  const { id } = await client.createSession({ title: `Session ${n}` });
  for (let i = 1; i <= CHUNKS; i += 1) {
    const piece = pieces[(n + i) % pieces.length];
    if (piece !== undefined) await client.upload(id, i, uniqueCopy(piece));
  }
  await client.complete(id, CHUNKS);
  return id;
}

/** Runs the batch. `equal` of the result is the number of sessions whose text is the same as before. */
export const repair = (sessions: number, random: () => number) =>
  onHost({ idleSeconds: 20 }, async ({ host, root, client }) => {
    const json = async <Schema extends z.ZodType>(schema: Schema, method: string, path: string, body?: unknown) =>
      schema.parse(await (await client.call(method, path, body)).json()) as z.infer<Schema>;
    const pieces = cutRecording(
      join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm'),
      mkdtempSync(join(root, 'cut-')),
      CHUNK_SECONDS,
    );
    const s3 = new S3Client({ forcePathStyle: true });
    const ids: string[] = [];
    const before = new Map<string, string>();
    for (let n = 0; n < sessions; n += 1) ids.push(await record(client, n, pieces));
    for (const id of ids) before.set(id, (await client.awaitTranscript(id, MINUTES * 60)).text);
    for (const id of ids) {
      const { userId } = await json(SessionDetails, 'GET', `/api/sessions/${id}`);
      const Key = chunkTranscriptKey({ userId, sessionId: id, chunkNumber: 1 + Math.floor(random() * CHUNKS) });
      await s3.send(new DeleteObjectCommand({ Bucket: host.output('BucketName'), Key }));
    }
    const isStopped = async () =>
      (await json(Overview, 'GET', '/api/overview')).gpu.instances.every(({ state }) => state === 'stopped');
    await poll('the stopped machine', 180, isStopped, 1000);
    const startedMs = Date.now();
    const { id } = await json(BatchRun, 'POST', '/api/batch/runs', {});
    const { report } = await poll(
      'the end of the run',
      MINUTES * 60,
      async () => {
        const run = await json(BatchRunDetails, 'GET', `/api/batch/runs/${id}`);
        return run.state === 'finished' ? run : undefined;
      },
      1000,
    );
    if (report === undefined) throw new Error('the run has no report');
    const seconds = (Date.now() - startedMs) / 1000;
    let equal = 0;
    for (const session of ids) {
      const { text } = await client.transcript(session);
      if (text === before.get(session)) equal += 1;
      else console.log(`${session}\n  was ${before.get(session)}\n  is  ${text}`);
    }
    return { seconds, report, equal };
  });
