/**
 * What a person waits for after Stop: from `complete` to the whole text, for recordings of several lengths on a warm worker.
 * Peer in the same run: the same recording stored only, and transcribed as a whole at its end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startLocalHost } from '../host/local-host.ts';
import { DEMO_MODEL, PROJECT } from '../host/paths.ts';
import { type AudioChunk, cutRecording, type RecordingClient, recordingClient, unlikeOthers } from '../host/recording-client.ts';
import { DEMO_USER, signIn } from '../host/users.ts';

const CHUNK_SECONDS = 30;
const POLL_MS = 50;
const STOPS_PER_LENGTH = 9;
const PRESIGNS = 200;
/** Chunks in flight while the recording is brought in; a real one takes its time. */
const UPLOADS_AT_ONCE = 4;
const LONGEST_MINUTES_TO_WAIT = 30;

interface StopLatency {
  readonly minutes: number;
  /** Seconds from Stop to the text, for recordings that were transcribed while they ran. */
  readonly stops: readonly number[];
  /** The same with everything left to the end; undefined where it was not measured. */
  readonly atTheEnd: number | undefined;
}

export interface StopLatencies {
  /** Recordings of one chunk: what the last chunk's own work takes. */
  readonly oneChunk: readonly number[];
  readonly lengths: readonly StopLatency[];
  /** Milliseconds of the call that gives out an upload's address. */
  readonly presignMs: readonly number[];
}

export const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(q * values.length) - 1)] ?? Number.NaN;

/** Seconds until the transcript is final and has so many chunks. */
async function untilWhole(client: RecordingClient, id: string, chunkCount: number): Promise<number> {
  const startedMs = performance.now();
  await client.complete(id, chunkCount);
  for (let etag = ''; ; ) {
    const newer = await client.newTranscript(id, etag);
    etag = newer?.etag ?? etag;
    const { final, chunks, gaps } = newer?.transcript ?? { final: false, chunks: [], gaps: [] };
    if (final && chunks.length === chunkCount && gaps.length === 0) return (performance.now() - startedMs) / 1000;
    if (performance.now() - startedMs > LONGEST_MINUTES_TO_WAIT * 60_000) throw new Error('the transcript never came');
    await wait(POLL_MS);
  }
}

export async function stopLatency(minutes: readonly number[], withPeer: boolean): Promise<StopLatencies> {
  const root = mkdtempSync(join(PROJECT, '.local', 'bench-'));
  const host = await startLocalHost({ root, model: DEMO_MODEL, idleSeconds: 600, onStep: () => undefined, log: () => undefined });
  try {
    const note = { endpoint: host.endpoint, userPoolId: host.output('UserPoolId'), clientId: host.output('UserPoolClientId') };
    // Tokens live for an hour; a long measurement asks anew.
    const client = async (): Promise<RecordingClient> => recordingClient(host.apiUrl, (await signIn(note, DEMO_USER)).access);
    const sample = cutRecording(
      join(DEMO_MODEL, 'samples', 'sample-125s.webm'),
      mkdtempSync(join(root, 'cut-')),
      CHUNK_SECONDS,
    ).slice(0, 4);
    const chunk = (n: number): AudioChunk => unlikeOthers(sample[n % sample.length] as AudioChunk);

    async function bring(recorder: RecordingClient, id: string, count: number): Promise<void> {
      let next = 1;
      const uploader = async (): Promise<void> => {
        for (let n = next++; n <= count; n = next++) await recorder.upload(id, n, chunk(n));
      };
      await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, uploader));
    }

    async function stops(recorder: RecordingClient, chunksBefore: number, times: number): Promise<number[]> {
      const { id } = await recorder.createSession();
      await bring(recorder, id, chunksBefore);
      await recorder.awaitChunks(
        id,
        LONGEST_MINUTES_TO_WAIT * 60,
        ({ chunks }) => chunks.length === chunksBefore && chunks.every(({ state }) => state === 'done'),
      );
      const found: number[] = [];
      for (let n = chunksBefore + 1; n <= chunksBefore + times; n++) {
        await recorder.upload(id, n, chunk(n));
        found.push(await untilWhole(recorder, id, n));
      }
      return found;
    }

    async function allAtTheEnd(recorder: RecordingClient, count: number): Promise<number> {
      const { id } = await recorder.createSession({ live: false });
      await bring(recorder, id, count);
      const startedMs = performance.now();
      await recorder.complete(id, count);
      await recorder.call('POST', `/api/sessions/${id}/transcript/ranges`, { start: 0, end: count * CHUNK_SECONDS });
      await untilWhole(recorder, id, count);
      return (performance.now() - startedMs) / 1000;
    }

    const recorder = await client();
    await stops(recorder, 1, 1); // the machine boots, every function runs once
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
  } finally {
    await host.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
