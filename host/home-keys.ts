/** The secrets of a local host's home folder: generated at the first start, readable by their owner only, passed by environment. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const OWNER_ONLY_FOLDER = 0o700;
export const OWNER_ONLY_FILE = 0o600;
const KEYS_FILE = 'keys.json';

export const AwsKey = z.object({ accessKeyId: z.string(), secretAccessKey: z.string() });
export type AwsKey = z.infer<typeof AwsKey>;
export const DemoUser = z.object({ email: z.string(), password: z.string() });
export type DemoUser = z.infer<typeof DemoUser>;

const HomeKeys = z.object({
  /** Deploys and operates the stage; the emulator grants it all permissions. */
  operator: AwsKey,
  /** Acts as the machines' role. */
  machine: AwsKey.extend({ sessionToken: z.string() }),
  /** The user of the local host. */
  demo: DemoUser,
});
export type HomeKeys = z.infer<typeof HomeKeys>;

/** An access key id: four letters for its kind, then 16 characters. */
const keyId = (kind: 'AKIA' | 'ASIA'): string => `${kind}${randomBytes(8).toString('hex').toUpperCase()}`;
const secret = (): string => randomBytes(30).toString('base64url');

const newKeys = (): HomeKeys => ({
  operator: { accessKeyId: keyId('AKIA'), secretAccessKey: secret() },
  machine: { accessKeyId: keyId('ASIA'), secretAccessKey: secret(), sessionToken: secret() },
  // The prefix satisfies the user pool's password policy.
  demo: { email: 'demo@example.com', password: `Demo-1${randomBytes(12).toString('hex')}` },
});

/** Creates the home folder if necessary and restricts it to its owner. */
export function createPrivateHome(root: string): void {
  mkdirSync(root, { recursive: true, mode: OWNER_ONLY_FOLDER });
  chmodSync(root, OWNER_ONLY_FOLDER);
}

/** Reads the secrets of this home; generates them if there are none. */
export function keysOf(root: string): HomeKeys {
  const file = join(root, KEYS_FILE);
  if (!existsSync(file)) {
    createPrivateHome(root);
    writeFileSync(`${file}.new`, JSON.stringify(newKeys()), { mode: OWNER_ONLY_FILE });
    renameSync(`${file}.new`, file);
  }
  return HomeKeys.parse(JSON.parse(readFileSync(file, 'utf8')));
}
