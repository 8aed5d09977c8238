/** `npm run demo [-- FILE]`: sends a recording through the running host, and prints what came back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runDemo, SAMPLE } from './demo-run.ts';
import { answers, clientEnv } from './emulator.ts';
import { noteOf } from './host-note.ts';
import { DEMO_MODEL_NOTE } from './model.ts';
import { DEFAULT_ROOT } from './paths.ts';
import { recordingClient } from './recording-client.ts';
import { DEMO_USER, signIn } from './users.ts';

const [, , asked] = process.argv;
const note = noteOf(DEFAULT_ROOT);
if (note === undefined || !(await answers(`${note.url}/api/health`))) {
  console.error('No running host. Start it in another terminal: npm start');
  process.exit(1);
}
Object.assign(process.env, clientEnv(note.endpoint));
const temporary = mkdtempSync(join(tmpdir(), 'chunkscribe-'));
try {
  const tokens = await signIn(note, DEMO_USER);
  const client = recordingClient(note.url, tokens.access);
  const file = asked === undefined ? SAMPLE : resolve(asked);
  const { sessionId, transcript, waitedSeconds, wordErrorRate } = await runDemo(client, temporary, file, (line) =>
    console.log(`  ${line}`),
  );
  console.log(`\n${transcript.text}\n`);
  if (wordErrorRate !== undefined) console.log(`word error rate against the known text: ${(wordErrorRate * 100).toFixed(1)} %`);
  if (transcript.status === 'partial')
    console.log(`partial: ${transcript.gaps.map((gap) => `chunk ${gap.chunkNumber}: ${gap.reason}`).join('; ')}`);
  console.log(
    `from Stop to the full transcript: ${waitedSeconds.toFixed(1)} s (${transcript.duration_seconds.toFixed(0)} s of audio, model ${transcript.model})`,
  );
  console.log(`session ${sessionId}`);
  if (note.isDemoModel) console.log(`\n${DEMO_MODEL_NOTE}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
