/** Records as a user of the pages does: live, in 30 s chunks, and compares the text with the one that was spoken. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from '../../core/contracts/calls/client.ts';
import { knownRecording, SAMPLE } from '../../host/known-recording.ts';
import { poll } from '../../host/poll.ts';
import { uniqueCopy } from '../../host/recording-client.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';
import { CliError, isProblem } from '../connection.ts';
import { put } from '../upload.ts';

const FOLDER = join(import.meta.dirname, 'recording');
const CONTENT_TYPE = 'audio/webm';
const POLL_MS = 1000;

export interface Recording {
  readonly id: string;
  /** Seconds from the first upload to its text. */
  readonly firstTextSeconds: number;
  /** Seconds from Stop to the complete text. */
  readonly fullTextSeconds: number;
  /** Wrong words per word that was spoken. */
  readonly wordErrors: number;
  /** Highest number of attempts of a chunk. */
  readonly attempts: number;
}

/** The chunks as new ones, because the stage reuses the results of equal bytes. */
function chunks(): Uint8Array[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.webm'));
  return files
    .sort()
    .map((name) => uniqueCopy({ bytes: readFileSync(join(FOLDER, name)), contentType: CONTENT_TYPE, seconds: 30 }).bytes);
}

/**
 * Records once. `disturb` is called while two chunks wait to be transcribed.
 *
 * @param seconds time limit for the first text, and for the complete one
 * @throws CliError if a chunk failed or a part of the text is missing
 */
export async function record(
  api: ApiClient,
  title: string,
  seconds: number,
  disturb: () => Promise<void> = async () => undefined,
): Promise<Recording> {
  const { id } = await api('POST /api/sessions', { body: { title, live: true } });
  const path = { id };
  const all = chunks();
  const upload = async (number: number): Promise<void> => {
    const bytes = all[number - 1] ?? new Uint8Array();
    const body = { chunkNumber: number, contentType: CONTENT_TYPE, sizeBytes: bytes.length } as const;
    const { upload: target } = await api('POST /api/sessions/{id}/chunks', { path, body });
    await put(target, bytes);
  };
  const startedMs = Date.now();
  await upload(1);
  await poll(
    'the first text',
    seconds,
    async () => {
      const [first] = (await api('GET /api/sessions/{id}', { path })).chunks;
      if (first?.state === 'dead') throw new CliError(`the first chunk failed: ${first.error}`);
      return first?.state === 'done';
    },
    POLL_MS,
  );
  const firstTextSeconds = (Date.now() - startedMs) / 1000;
  for (let number = 2; number < all.length; number += 1) await upload(number);
  await disturb();
  await upload(all.length);
  const stoppedMs = Date.now();
  await api('POST /api/sessions/{id}/complete', { path, body: { chunkCount: all.length } });
  const transcript = await poll(
    'the complete text',
    seconds,
    () =>
      api('GET /api/sessions/{id}/transcript', { path }).then(
        (text) => ('final' in text && text.final ? text : undefined),
        (error: unknown) => {
          if (isProblem(error, 'not-ready')) return undefined;
          throw error;
        },
      ),
    POLL_MS,
  );
  const fullTextSeconds = (Date.now() - stoppedMs) / 1000;
  if (transcript.status !== 'completed')
    throw new CliError(`the text is ${transcript.status}: ${transcript.gaps.map(({ reason }) => reason).join('; ')}`);
  const session = await api('GET /api/sessions/{id}', { path });
  return {
    id,
    firstTextSeconds,
    fullTextSeconds,
    wordErrors: wordErrorRate(wordsOf(knownRecording(SAMPLE)?.text ?? ''), wordsOf(transcript.text)),
    attempts: Math.max(...session.chunks.map(({ attempts }) => attempts)),
  };
}
