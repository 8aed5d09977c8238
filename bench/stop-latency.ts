/**
 * Latency after Stop: from `complete` to the complete text, for recordings of several lengths on a warm worker. For comparison, the
 * same recording is only stored, and transcribed as a whole at its end.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type AudioChunk, cutRecording, type RecordingClient, recordingClient, uniqueCopy } from '../host/recording-client.ts';
import { signIn } from '../host/users.ts';
import { PROTOCOL_MODEL } from '../test/support/protocol-model.ts';
import { onHost } from './on-host.ts';

const CHUNK_SECONDS = 30;
const POLL_MS = 50;
const STOPS_PER_LENGTH = 9;
const PRESIGNS = 200;
/** Concurrent uploads. A real recording uploads one chunk after the other. */
const PARALLEL_UPLOADS = 4;
const MAX_WAIT_MINUTES = 30;

interface StopLatency {
  readonly minutes: number;
  /** Seconds from Stop to the text, for recordings that were transcribed while they ran. */
  readonly stops: readonly number[];
  /** The same for a recording that is transcribed at its end; undefined when it was not measured. */
  readonly atTheEnd: number | undefined;
}

export interface StopLatencies {
  /** The same for recordings of one chunk: the time that the last chunk itself takes. */
  readonly oneChunk: readonly number[];
  readonly lengths: readonly StopLatency[];
  /** Milliseconds of the call that returns an upload URL. */
  readonly presignMs: readonly number[];
}

export const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(q * values.length) - 1)] ?? Number.NaN;

/** Completes the session. Returns the seconds until the transcript is final and has all chunks. */
async function secondsToText(client: RecordingClient, id: string, chunkCount: number): Promise<number> {
  const startedMs = performance.now();
  await client.complete(id, chunkCount);
  for (let etag = ''; ; ) {
    const newer = await client.newTranscript(id, etag);
    etag = newer?.etag ?? etag;
    const { final, chunks, gaps } = newer?.transcript ?? { final: false, chunks: [], gaps: [] };
    if (final && chunks.length === chunkCount && gaps.length === 0) return (performance.now() - startedMs) / 1000;
    if (performance.now() - startedMs > MAX_WAIT_MINUTES * 60_000) throw new Error('the transcript is not complete in time');
    await wait(POLL_MS);
  }
}

export const stopLatency = (minutes: readonly number[], withPeer: boolean): Promise<StopLatencies> =>
  onHost({ idleSeconds: 600 }, async ({ host, root, pool }) => {
    // Tokens are valid for an hour, so each part of a long measurement signs in again.
    const client = async (): Promise<RecordingClient> => recordingClient(host.apiUrl, (await signIn(pool, host.demo)).access);
    const sample = cutRecording(
      join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm'),
      mkdtempSync(join(root, 'cut-')),
      CHUNK_SECONDS,
    ).slice(0, 4);
    const chunk = (n: number): AudioChunk => uniqueCopy(sample[n % sample.length] as AudioChunk);

    async function uploadAll(recorder: RecordingClient, id: string, count: number): Promise<void> {
      let next = 1;
      const uploader = async (): Promise<void> => {
        for (let n = next++; n <= count; n = next++) await recorder.upload(id, n, chunk(n));
      };
      await Promise.all(Array.from({ length: PARALLEL_UPLOADS }, uploader));
    }

    async function stops(recorder: RecordingClient, chunksBefore: number, times: number): Promise<number[]> {
      const { id } = await recorder.createSession();
      await uploadAll(recorder, id, chunksBefore);
      await recorder.awaitChunks(
        id,
        MAX_WAIT_MINUTES * 60,
        ({ chunks }) => chunks.length === chunksBefore && chunks.every(({ state }) => state === 'done'),
      );
      const latencies: number[] = [];
      for (let n = chunksBefore + 1; n <= chunksBefore + times; n++) {
        await recorder.upload(id, n, chunk(n));
        latencies.push(await secondsToText(recorder, id, n));
      }
      return latencies;
    }

    async function allAtTheEnd(recorder: RecordingClient, count: number): Promise<number> {
      const { id } = await recorder.createSession({ live: false });
      await uploadAll(recorder, id, count);
      const startedMs = performance.now();
      await recorder.complete(id, count);
      await recorder.call('POST', `/api/sessions/${id}/transcript/ranges`, { start: 0, end: count * CHUNK_SECONDS });
      await secondsToText(recorder, id, count);
      return (performance.now() - startedMs) / 1000;
    }

    const recorder = await client();
    await stops(recorder, 1, 1); // warm-up: the machine boots, every function runs once
    const oneChunk: number[] = [];
    for (let i = 0; i < STOPS_PER_LENGTH; i++) oneChunk.push(...(await stops(recorder, 0, 1)));
    const lengths: StopLatency[] = [];
    for (const length of minutes) {
      const count = (length * 60) / CHUNK_SECONDS;
      const measured = await stops(await client(), count - 1, STOPS_PER_LENGTH);
      const atTheEnd = withPeer ? await allAtTheEnd(await client(), count) : undefined;
      console.log(`  ${length} min: median ${quantile(measured, 0.5).toFixed(2)} s, at the end ${atTheEnd?.toFixed(1) ?? '-'} s`);
      lengths.push({ minutes: length, stops: measured, atTheEnd });
    }
    const again = await client();
    const { id } = await again.createSession({ live: false });
    const presignMs: number[] = [];
    for (let n = 1; n <= PRESIGNS; n++) {
      const startedMs = performance.now();
      await again.presign(id, n, chunk(n));
      presignMs.push(performance.now() - startedMs);
    }
    return { oneChunk, lengths, presignMs };
  });
