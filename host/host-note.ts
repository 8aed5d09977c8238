import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { folders } from './paths.ts';

const HostNote = z.object({
  url: z.string(),
  apiUrl: z.string(),
  endpoint: z.string(),
  userPoolId: z.string(),
  clientId: z.string(),
  isDemoModel: z.boolean(),
  bucketName: z.string(),
  logs: z.string(),
  /** Who the command line signs in as. */
  operator: z.object({ email: z.string(), password: z.string() }),
});
/** Where a running host is found; written by `npm start`, read by `npm run demo` and `npx chunkscribe`. */
export type HostNote = z.infer<typeof HostNote>;

/** The note of the host that runs from this folder, or ran last; undefined while it starts or when there is none. */
export function noteOf(root: string): HostNote | undefined {
  const file = join(folders(root).run, 'host.json');
  return existsSync(file) ? HostNote.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data : undefined;
}
