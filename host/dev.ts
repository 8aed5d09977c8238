/** `npm run dev`: serves the pages with hot reload, with the API of the host that `npm start` runs in another terminal. */
import { join } from 'node:path';
import { startDevServer } from './dev-server.ts';
import { noteOf } from './host-note.ts';
import { DEFAULT_ROOT, PROJECT } from './paths.ts';

const DEFAULT_PORT = 5173;

const note = noteOf(DEFAULT_ROOT);
const isRunning = note !== undefined && (await fetch(note.url).catch(() => undefined))?.ok;
if (note === undefined || !isRunning) {
  console.error('No running host. Start it in another terminal: npm start');
  process.exit(1);
}
const { address } = await startDevServer({ note, web: join(PROJECT, 'web'), port: DEFAULT_PORT });
console.log(`Pages with hot reload; the API is that of ${note.url}`);
console.log(`  open      ${address}`);
console.log(`  sign in   ${note.operator.email}, password ${note.operator.password}`);
console.log('\nChanges of web/ are shown at once. Changes of lambdas/, core/ and lib/ need a new npm start.');
