import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AwsKey, DemoUser } from './home-keys.ts';
import { folders } from './paths.ts';

const HostNote = z.object({
  url: z.string(),
  apiUrl: z.string(),
  endpoint: z.string(),
  userPoolId: z.string(),
  clientId: z.string(),
  model: z.object({ folder: z.string(), name: z.string(), languages: z.enum(['en', 'multilingual']) }),
  bucketName: z.string(),
  logs: z.string(),
  /** User that the command line signs in as. */
  operator: DemoUser,
  /** Key for requests to the emulator. */
  credentials: AwsKey,
});
/** Addresses and keys of a running host, in `host.json`. `npm start` writes it; `npm run demo` and `npx chunkscribe` read it. */
export type HostNote = z.infer<typeof HostNote>;

/** The note of the current or last host of this folder; undefined while it starts, or if there is none. */
export function noteOf(root: string): HostNote | undefined {
  const file = join(folders(root).run, 'host.json');
  return existsSync(file) ? HostNote.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data : undefined;
}
