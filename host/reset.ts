/**
 * `npm run reset`: deletes everything that the local host stores (recordings, transcripts, users, logs). Other files in the home
 * folder are kept, because CHUNKSCRIBE_HOME may be a shared folder.
 */
import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { DEFAULT_ROOT, folders } from './paths.ts';
import { claimFolder, killLeftovers } from './processes.ts';

const { root, ...own } = folders(DEFAULT_ROOT);
const other = claimFolder(own.run);
if (other !== undefined) {
  console.error(`The local host is running (process ${other.pid}). Stop it with Ctrl+C first.`);
  process.exit(1);
}
await killLeftovers(own.run);
for (const path of [...Object.values(own), `${own.logs}.previous`]) rmSync(path, { recursive: true, force: true });
if (readdirSync(root).length === 0) rmdirSync(root);
console.log('All data of the local host has been deleted.');
