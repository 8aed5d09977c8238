/**
 * The demo: uploads a recording in chunks like a recorder and returns its transcript.
 *
 * Steps: cut the file -> create a session -> upload the chunks, each after the previous one is transcribed -> complete -> wait for
 * the transcript. The time after Stop is therefore what a user of a recorder waits for: the last chunk and the joining.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Turns } from '../core/contracts/answers.ts';
import type { Transcript } from '../core/contracts/transcript.ts';
import { type KnownRecording, knownRecording } from './known-recording.ts';
import { cutRecording, type RecordingClient } from './recording-client.ts';
import { wordErrorRate, wordsOf } from './word-error-rate.ts';

const BOOT_AND_WORK_SECONDS = 180;
/** A pause of this length starts a new paragraph if the speakers are unknown. */
const PARAGRAPH_PAUSE_SECONDS = 1;

export interface DemoResult {
  readonly sessionId: string;
  readonly transcript: Transcript;
  /** Time from Stop to the full text. */
  readonly waitedSeconds: number;
  /** The text by speaker turn or paragraph. */
  readonly paragraphs: readonly string[];
  /** 0 to 1; undefined for a recording without a reference text. */
  readonly wordErrorRate: number | undefined;
}

/** Runs the demo. @param log receives one line per step */
export async function runDemo(
  client: RecordingClient,
  temporary: string,
  file: string,
  log: (line: string) => void,
): Promise<DemoResult> {
  const folder = mkdtempSync(join(temporary, 'demo-'));
  try {
    const chunks = cutRecording(file, folder);
    const total = chunks.reduce((sum, chunk) => sum + chunk.seconds, 0);
    const { id } = await client.createSession({ title: 'Demo recording' });
    log(`session ${id}: ${total.toFixed(0)} s of audio in ${chunks.length} ${chunks.length === 1 ? 'chunk' : 'chunks'}`);
    for (const [index, chunk] of chunks.entries()) {
      const response = await client.upload(id, index + 1, chunk);
      if (!response.ok) throw new Error(`storage refused chunk ${index + 1}: ${response.status} ${await response.text()}`);
      log(`chunk ${index + 1}/${chunks.length} uploaded (${(chunk.bytes.length / 1024).toFixed(0)} KB)`);
      if (index === chunks.length - 1) break;
      await client.awaitChunks(id, BOOT_AND_WORK_SECONDS, ({ chunks: rows }) =>
        rows.some((row) => row.chunkNumber === index + 1 && (row.state === 'done' || row.state === 'dead')),
      );
      log(`chunk ${index + 1}/${chunks.length} transcribed`);
    }
    const stoppedMs = Date.now();
    await client.complete(id, chunks.length);
    const transcript = await client.awaitTranscript(id, BOOT_AND_WORK_SECONDS);
    const waitedSeconds = (Date.now() - stoppedMs) / 1000;
    const known = knownRecording(file);
    return {
      sessionId: id,
      transcript,
      waitedSeconds,
      paragraphs: known ? await bySpeaker(client, id, known) : byPause(transcript),
      wordErrorRate: known && wordErrorRate(wordsOf(known.text), wordsOf(transcript.text)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Turns by speaker: the API attributes words to the reference's speaker segments, as it does for any diarizer. */
async function bySpeaker(client: RecordingClient, id: string, known: KnownRecording): Promise<string[]> {
  // Each turn is extended to the next one, so that words with slightly wrong times are still attributed.
  const segments = known.turns.map(({ speaker, start }, i) => ({
    speaker,
    start: i === 0 ? 0 : start,
    end: known.turns[i + 1]?.start ?? known.duration_seconds,
  }));
  const response = await client.call('POST', `/api/sessions/${id}/speakers`, { segments });
  const { turns } = Turns.parse(await response.json());
  return turns.filter(({ text }) => text !== '').map(({ speaker, text }) => `${speaker}: ${text}`);
}

function byPause({ segments }: Transcript): string[] {
  const paragraphs: string[] = [];
  let endBefore = Number.NEGATIVE_INFINITY;
  for (const { word, start, end } of segments.flatMap(({ words }) => words)) {
    if (start - endBefore >= PARAGRAPH_PAUSE_SECONDS) paragraphs.push(word.trimStart());
    else paragraphs[paragraphs.length - 1] += word;
    endBefore = end;
  }
  return paragraphs;
}
