/** The deployment guide (docs/deploying.md) with the real CDK command line; the emulator replaces the AWS account. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { clientEnv } from '../../host/emulator.ts';
import { PROJECT } from '../../host/paths.ts';
import { host } from './support.ts';

const folder = mkdtempSync(join(host.temporary, 'guide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in the project's folder; returns its output and exit status. */
async function shell(command: string): Promise<{ out: string; code: number }> {
  const env = { ...process.env, ...clientEnv(host), CHUNKSCRIBE_API: undefined, CI: '1' };
  const { stdout, code } = await promisify(execFile)('npx', command.split(' '), { cwd: PROJECT, env }).then(
    (said) => ({ ...said, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => ({ ...error, stdout: error.stdout + error.stderr }),
  );
  return { out: stdout, code };
}

test('a stage is deployed, passes the doctor, has no diff when synthesized again, and is destroyed', async () => {
  const values = '-c stage=guide -c alarmEmail=you@example.com -c amiId=ami-0123456789abcdef0';
  const cdk = (what: string) => shell(`cdk ${what} ${values} --output ${folder}`);
  const outputs = join(folder, 'outputs.json');
  const deployed = await cdk(`deploy --require-approval never --outputs-file ${outputs}`);
  expect(deployed.code, deployed.out).toBe(0);
  expect(JSON.parse(readFileSync(outputs, 'utf8'))['chunkscribe-guide'].PagesUrl).toMatch(/^https:/);

  const examined = await shell('chunkscribe --json doctor --stage guide');
  const lines: { name: string; state: string }[] = JSON.parse(examined.out).lines;
  expect(lines.length).toBeGreaterThan(10);
  // The emulator's ApiUrl output does not resolve.
  expect(lines.filter(({ state }) => state === 'bad').map(({ name }) => name)).toEqual(['api']);

  expect((await cdk('diff')).out).not.toMatch(/^\[[-+~]\]/m);
  const destroyed = await cdk('destroy --force');
  expect(destroyed.code, destroyed.out).toBe(0);
  expect((await shell('chunkscribe --json doctor --stage guide')).out).toContain('there is no chunkscribe-guide');
});

test('invalid context values are reported without a stack trace, and nothing is deployed', async () => {
  const { out, code } = await shell(`cdk deploy -c poolSize=0 -c alarmMail=you@example.com --output ${folder}`);
  expect(code).not.toBe(0);
  expect(out).toMatch(/poolSize/);
  expect(out).toMatch(/alarmMail/);
  expect(out).not.toMatch(/ {4}at /);
});
