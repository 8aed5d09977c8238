/** Synthesizes the application in a process of its own, with exactly the given context: cdk.context.json is not read. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from './built-once.ts';

/** Writes the cloud assembly into the folder. @throws Error with the invalid values of the context */
export async function synthesize(folder: string, context: Readonly<Record<string, string>>): Promise<void> {
  const { context: fixed } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8'));
  const env = {
    ...process.env,
    CDK_OUTDIR: folder,
    CDK_CONTEXT_JSON: JSON.stringify({ ...fixed, ...context }),
    PATH: `${join(PROJECT, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}`,
  };
  const args = ['--disable-warning=ExperimentalWarning', 'bin/chunkscribe.ts'];
  await promisify(execFile)(process.execPath, args, { cwd: PROJECT, env });
}
