/**
 * The demo: a shipped recording goes the whole way that a phone's recording goes, and the text comes back.
 *
 * Chunks are sent one after the other. A real recorder would take 30 s for each; the demo waits only until the ones before
 * are transcribed, so what is measured after Stop is what a user would wait: the last chunk and the joining.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Transcript } from '../core/contracts/transcript.ts';
import { DEMO_MODEL } from './paths.ts';
import { cutRecording, type RecordingClient } from './recording-client.ts';
import { wordErrorRate, wordsOf } from './word-error-rate.ts';

export const SAMPLE = join(DEMO_MODEL, 'samples', 'sample-125s.webm');
const BOOT_AND_WORK_SECONDS = 180;

export interface DemoResult {
  readonly sessionId: string;
  readonly transcript: Transcript;
  /** From Stop to the full text. */
  readonly waitedSeconds: number;
  /** Share of the known words that came out wrong; undefined for a recording whose words nobody wrote down. */
  readonly wordErrorRate: number | undefined;
}

function knownWords(file: string): string[] | undefined {
  try {
    const text = readFileSync(file.replace(/\.[^.]+$/, '.json'), 'utf8');
    return z
      .object({ words: z.array(z.object({ word: z.string() })) })
      .parse(JSON.parse(text))
      .words.map(({ word }) => word.toLowerCase());
  } catch {
    return undefined;
  }
}

export async function runDemo(
  client: RecordingClient,
  temporary: string,
  file: string,
  say: (line: string) => void,
): Promise<DemoResult> {
  const folder = mkdtempSync(join(temporary, 'demo-'));
  try {
    const chunks = cutRecording(file, folder);
    const total = chunks.reduce((sum, chunk) => sum + chunk.seconds, 0);
    const { id } = await client.createSession({ title: 'Demo recording' });
    say(`session ${id}: ${total.toFixed(0)} s of audio in ${chunks.length} chunks`);
    for (const [index, chunk] of chunks.entries()) {
      const answer = await client.upload(id, index + 1, chunk);
      if (!answer.ok) throw new Error(`storage refused chunk ${index + 1}: ${answer.status} ${await answer.text()}`);
      say(`chunk ${index + 1}/${chunks.length} uploaded (${(chunk.bytes.length / 1024).toFixed(0)} KB)`);
      if (index === chunks.length - 1) break;
      await client.awaitChunks(id, BOOT_AND_WORK_SECONDS, ({ chunks: rows }) =>
        rows.some((row) => row.chunkNumber === index + 1 && (row.state === 'done' || row.state === 'dead')),
      );
      say(`chunk ${index + 1}/${chunks.length} transcribed`);
    }
    const stoppedMs = Date.now();
    await client.complete(id, chunks.length);
    const transcript = await client.awaitTranscript(id, BOOT_AND_WORK_SECONDS);
    const waitedSeconds = (Date.now() - stoppedMs) / 1000;
    const said = knownWords(file);
    return { sessionId: id, transcript, waitedSeconds, wordErrorRate: said && wordErrorRate(said, wordsOf(transcript.text)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
