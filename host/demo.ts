/** `npm run demo [-- FILE]`: transcribes a recording with the running host and prints its text. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runDemo } from './demo-run.ts';
import { clientEnv, isResponding } from './emulator.ts';
import { noteOf } from './host-note.ts';
import { SAMPLE } from './known-recording.ts';
import { modelNote } from './model.ts';
import { DEFAULT_ROOT } from './paths.ts';
import { recordingClient } from './recording-client.ts';
import { signIn } from './users.ts';

const [, , requested] = process.argv;
// npm runs scripts in the project's folder; INIT_CWD is the user's working directory.
const file = requested === undefined ? SAMPLE : resolve(process.env['INIT_CWD'] ?? '.', requested);
if (!existsSync(file) || !statSync(file).isFile()) {
  console.error(`There is no file ${file}. Usage: npm run demo [-- FILE]`);
  process.exit(1);
}
const note = noteOf(DEFAULT_ROOT);
if (note === undefined || !(await isResponding(`${note.url}/api/health`))) {
  console.error('No running host. Start it in another terminal: npm start');
  process.exit(1);
}
Object.assign(process.env, clientEnv(note));
const temporary = mkdtempSync(join(tmpdir(), 'chunkscribe-'));
try {
  const tokens = await signIn(note, note.operator);
  const client = recordingClient(note.url, tokens.access);
  const { sessionId, transcript, waitedSeconds, paragraphs, wordErrorRate } = await runDemo(client, temporary, file, (line) =>
    console.log(`  ${line}`),
  );
  console.log(`\n${paragraphs.join('\n\n') || 'no speech detected in this recording'}\n`);
  if (transcript.status === 'partial')
    console.log(`partial: ${transcript.gaps.map((gap) => `chunk ${gap.chunkNumber}: ${gap.reason}`).join('; ')}`);
  if (wordErrorRate !== undefined)
    console.log(`word error rate of ${transcript.model}: ${(wordErrorRate * 100).toFixed(1)} % compared with the reference text`);
  console.log(
    `time from Stop to the full text: ${waitedSeconds.toFixed(1)} s (${transcript.duration_seconds.toFixed(0)} s of audio)`,
  );
  console.log(`web page: ${note.url}/#/sessions/${sessionId}`);
  const about = requested === undefined ? undefined : modelNote(note.model, 'npm start --');
  if (about !== undefined) console.log(`\n${about}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
