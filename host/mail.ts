/** `npm run mail`: prints the mails that the running host has sent; the emulator does not deliver them. */
import { noteOf } from './host-note.ts';
import { readMails } from './mails.ts';
import { DEFAULT_ROOT } from './paths.ts';

const note = noteOf(DEFAULT_ROOT);
const mails = note === undefined ? undefined : await readMails(note).catch(() => undefined);
if (mails === undefined) {
  console.error('No running host. Start it in another terminal: npm start');
  process.exitCode = 1;
} else console.log(JSON.stringify(JSON.parse(mails), null, 2));
