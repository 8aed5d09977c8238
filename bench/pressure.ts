/**
 * Latency for one user while another user repeatedly saves and removes corrections over thousands of chunks.
 * The measured user records one second. Measured from `complete` to the text, without and with the other user.
 */

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { cutRecording, type RecordingClient, recordingClient, uniqueCopy } from '../host/recording-client.ts';
import { signIn } from '../host/users.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { chunkRow, chunkTranscript, sessionRow } from '../test/support/rows.ts';
import { onHost } from './on-host.ts';

const CHUNKS_PER_SESSION = 960;
const WRITES_AT_ONCE = 16;
const RECORDINGS = 9;
const BETWEEN_SAVES_MS = 5_000;

const subOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub as string;

/**
 * Measures with `chunks` chunks of the other user. Returns the latencies in seconds without (`alone`) and with (`beside`) the
 * other user, and how often that user has saved corrections meanwhile.
 */
export const pressure = (chunks: number) =>
  onHost({ idleSeconds: 600 }, async ({ host, root, pool }) => {
    const db = DynamoDBDocumentClient.from(new DynamoDBClient(), { marshallOptions: { removeUndefinedValues: true } });
    const s3 = new S3Client({ forcePathStyle: true });
    const tokenOf = async (email: string) => (await signIn(pool, { email, password: host.demo.password })).access;
    const [busyToken, measuredToken] = [await tokenOf('busy@example.com'), await tokenOf('victim@example.com')];
    const busy = recordingClient(host.apiUrl, busyToken);
    const measuredUser = recordingClient(host.apiUrl, measuredToken);

    const user_id = subOf(busyToken);
    const put = (table: string, Item: object) => db.send(new PutCommand({ TableName: host.output(table), Item }));
    const numbers = Array.from({ length: chunks }, (_, i) => i);
    await pMap(
      numbers,
      async (i) => {
        const session_id = `session_busy${Math.floor(i / CHUNKS_PER_SESSION)}`;
        const number = (i % CHUNKS_PER_SESSION) + 1;
        const result_key = `users/${user_id}/sessions/${session_id}/results/001.1.json`;
        const count = Math.min(CHUNKS_PER_SESSION, chunks - i + number - 1);
        if (number === 1) {
          const Body = JSON.stringify(chunkTranscript(1, 3));
          await s3.send(new PutObjectCommand({ Bucket: host.output('BucketName'), Key: result_key, Body }));
          await put(
            'SessionsTable',
            sessionRow({ session_id, user_id, state: 'completed', chunk_count: count, completed_at_ms: 2_000 }),
          );
        }
        const { pending_shard: _none, ...row } = chunkRow(number, { session_id, user_id, state: 'done', fence: 1, result_key });
        await put('ChunksTable', { ...row, raw_text: 'w1-0', corrections_version: 0, duration_seconds: 3 });
      },
      { concurrency: WRITES_AT_ONCE },
    );

    const [sample] = cutRecording(join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm'), mkdtempSync(join(root, 'cut-')), 1);
    if (sample === undefined) throw new Error('the sample is too short');
    const record = async (): Promise<number> => {
      const { id } = await measuredUser.createSession();
      await measuredUser.upload(id, 1, uniqueCopy(sample));
      const startedMs = performance.now();
      await measuredUser.complete(id, 1);
      await measuredUser.awaitTranscript(id, 300);
      return (performance.now() - startedMs) / 1000;
    };
    const recordSeveral = async (): Promise<number[]> => {
      const latencies: number[] = [];
      for (let n = 0; n < RECORDINGS; n += 1) latencies.push(await record());
      return latencies;
    };
    await record(); // warm-up: the machine boots, every function runs once
    const alone = await recordSeveral();
    let saves = 0;
    let isOver = false;
    const correct = async (client: RecordingClient): Promise<void> => {
      while (!isOver) {
        const rules = saves % 2 === 0 ? [{ kind: 'word', match: 'w1-0', replace: 'corrected', caseSensitive: false }] : [];
        await client.call('PUT', '/api/corrections', { rules });
        saves += 1;
        await wait(BETWEEN_SAVES_MS);
      }
    };
    const correcting = correct(busy);
    const beside = await recordSeveral();
    isOver = true;
    await correcting;
    return { chunks, alone, beside, saves };
  });
