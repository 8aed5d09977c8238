/** `npm run reset`: forgets everything the local host keeps between starts (recordings, transcripts, users, logs). */
import { rmSync } from 'node:fs';
import { DEFAULT_ROOT, folders } from './paths.ts';
import { claimFolder, endLeftovers } from './processes.ts';

const { root, run } = folders(DEFAULT_ROOT);
const other = claimFolder(run);
if (other !== undefined) {
  console.error(`The host runs (process ${other.pid}). End it with Ctrl+C first.`);
  process.exit(1);
}
await endLeftovers(run);
rmSync(root, { recursive: true, force: true });
console.log('Everything the local host had kept is gone.');
