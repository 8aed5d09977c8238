/** A long human recording through the whole local product: accuracy compared with faster-whisper, and complete coverage. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transcript } from '../../core/contracts/transcript.ts';
import { chooseModel } from '../../host/model.ts';
import { type AudioChunk, cutRecording, type RecordingClient, uniqueCopy } from '../../host/recording-client.ts';
import { onHost } from '../on-host.ts';
import { line, python, Row } from './figures.ts';

const CHUNK_SECONDS = 30;
const STOPS = 5;
const MAX_WAIT_SECONDS = 3600;
/** A long recording may take this much longer after Stop than a recording of one chunk. */
const MAX_EXTRA_SECONDS = 2;
/** Audio that the decoder drops per chunk: 6.5 ms at the start of an Opus stream, and lengths are rounded to 1 ms. */
const CHUNK_TOLERANCE_SECONDS = 0.01;

/** Whether the coverage spans the recording without holes or overlaps, and no chunk is missing. */
function isAccountedFor({ status, gaps, coverage, chunks, duration_seconds }: Transcript, seconds: number): boolean {
  const isContiguous = coverage.every(({ start }, index) => start === (coverage[index - 1]?.end ?? 0));
  const tolerance = CHUNK_TOLERANCE_SECONDS * chunks.length;
  const isFullLength = coverage.at(-1)?.end === duration_seconds && Math.abs(duration_seconds - seconds) < tolerance;
  return status === 'completed' && gaps.length === 0 && isContiguous && isFullLength;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/**
 * Uploads all chunks except the last, waits until they are transcribed, then uploads the last one and stops.
 * Returns the text and the seconds since Stop.
 */
async function record(client: RecordingClient, chunks: readonly AudioChunk[]): Promise<{ text: Transcript; seconds: number }> {
  const { id } = await client.createSession({ title: 'Quality' });
  const [last, ...before] = [chunks.at(-1), ...chunks.slice(0, -1)];
  if (last === undefined) throw new Error('the recording has no chunks');
  for (const [index, chunk] of before.entries()) await client.upload(id, index + 1, chunk);
  const isDone = ({ chunks }: { chunks: readonly { state: string }[] }): boolean =>
    chunks.length === before.length && chunks.every(({ state }) => state === 'done');
  await client.awaitChunks(id, MAX_WAIT_SECONDS, isDone);
  await client.upload(id, chunks.length, last);
  const startedMs = performance.now();
  await client.complete(id, chunks.length);
  const text = await client.awaitTranscript(id, MAX_WAIT_SECONDS);
  return { text, seconds: (performance.now() - startedMs) / 1000 };
}

/** Measures with the default model of the local host. */
export async function productFigures(minutes: number, seed: number): Promise<Row[]> {
  const model = await chooseModel();
  const about = ['--minutes', String(minutes), '--seed', String(seed)];
  return onHost({ model: model.folder, modelName: model.name, idleSeconds: 600 }, async ({ root, client }) => {
    const file = join(root, 'recording.webm');
    await line(['-m', 'quality.product', 'make', file, ...about]);
    const chunks = cutRecording(file, mkdtempSync(join(root, 'cut-')), CHUNK_SECONDS);
    const { text, seconds } = await record(client, chunks);
    const alone: number[] = [];
    for (let n = 0; n < STOPS; n++) alone.push((await record(client, chunks.slice(-1).map(uniqueCopy))).seconds);
    const transcript = join(root, 'transcript.json');
    writeFileSync(transcript, JSON.stringify(text));
    const rows: Row[] = [];
    const score = ['-m', 'quality.product', 'score', file, ...about, '--model', model.folder, '--transcript', transcript];
    for await (const row of python(score)) rows.push(Row.parse(JSON.parse(row)));
    const length = chunks.reduce((sum, chunk) => sum + chunk.seconds, 0);
    const common = { model: model.name, peer: '' };
    return [
      ...rows,
      {
        ...common,
        what: `${chunks.length} chunks: every second is accounted for`,
        ours: `${text.status}, ${text.gaps.length} gaps, coverage to ${text.duration_seconds} s of ${length.toFixed(1)} s`,
        target: 'completed, without gaps, repeated or missing seconds',
        holds: isAccountedFor(text, length),
      },
      {
        ...common,
        what: 'from Stop to the text, with the last chunk uploaded just before',
        ours: `${seconds.toFixed(1)} s`,
        peer: `recordings of only that chunk: ${median(alone).toFixed(1)} s (median of ${STOPS})`,
        target: `<= one chunk + ${MAX_EXTRA_SECONDS} s`,
        holds: seconds <= median(alone) + MAX_EXTRA_SECONDS,
      },
    ];
  });
}
