/** Creates a transcribed sample session for the first visit: uploads the sample recording to a host without sessions. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { SAMPLE } from './known-recording.ts';
import { cutRecording, type RecordingClient } from './recording-client.ts';

/** After this, the start continues; a slow model finishes in the background. */
const WAIT_SECONDS = 60;

/** Returns false if the user has sessions. A transcription failure does not fail the start: the session shows it. */
export async function sendSample(client: RecordingClient, temporary: string, ending: AbortSignal): Promise<boolean> {
  const { sessions } = z
    .object({ sessions: z.array(z.unknown()) })
    .parse(await (await client.call('GET', '/api/sessions?limit=1')).json());
  if (sessions.length > 0) return false;
  const folder = mkdtempSync(join(temporary, 'sample-'));
  try {
    const { id } = await client.createSession({ title: 'Sample recording' });
    const chunks = cutRecording(SAMPLE, folder);
    for (const [index, chunk] of chunks.entries()) await client.upload(id, index + 1, chunk);
    await client.complete(id, chunks.length);
    const ended = new Promise<void>((resolve) => ending.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([client.awaitTranscript(id, WAIT_SECONDS).catch(() => undefined), ended]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return true;
}
