/** A first visit shows a session that is transcribed already: the shipped recording, sent once to a host that has none yet. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { SAMPLE } from './demo-run.ts';
import { cutRecording, type RecordingClient } from './recording-client.ts';

/** A slow model goes on behind the page. */
const WAIT_SECONDS = 60;

/** False when the user has sessions already. It is nobody's condition: what goes wrong is left to be seen in the session. */
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
