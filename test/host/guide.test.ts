/** The deployment guide (docs/deploying.md) with the real CDK command line; the emulator replaces the AWS account. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, expect, test } from 'vitest';
import { clientEnv } from '../../host/emulator.ts';
import { PROJECT } from '../../host/paths.ts';
import { clearFaults, injectFaults } from './faults.ts';
import { db, host, s3 } from './support.ts';

const folder = mkdtempSync(join(host.temporary, 'guide-'));
afterEach(clearFaults);
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

const AMI = '-c amiId=ami-0123456789abcdef0';

async function record(outputs: Readonly<Record<string, string>>): Promise<string> {
  const Bucket = outputs['BucketName'] ?? '';
  await s3.send(new PutObjectCommand({ Bucket, Key: 'users/u/audio/sessions/s/chunk-001.webm', Body: 'audio' }));
  return Bucket;
}
const contentOf = (Bucket: string): Promise<number | undefined> =>
  s3.send(new ListObjectsV2Command({ Bucket })).then(
    ({ KeyCount }) => KeyCount,
    () => undefined,
  );

test('a disposable stage is deployed, passes the doctor, has no diff when synthesized again, keeps its machine when AWS has a newer image, and is destroyed with its files [deployment.guide, deployment.image]', async () => {
  const cdk = (what: string) =>
    shell(`cdk ${what} -c stage=guide -c disposable=true -c alarmEmail=you@example.com --output ${folder}`);
  const outputs = join(folder, 'outputs.json');
  const deploy = async (more = '') => {
    const deployed = await cdk(`deploy --require-approval never --outputs-file ${outputs}${more}`);
    expect(deployed.code, deployed.out).toBe(0);
    return JSON.parse(readFileSync(outputs, 'utf8'))['chunkscribe-guide'];
  };
  const stack = await deploy();
  expect(stack.PagesUrl).toMatch(/^https:/);
  const bucket = await record(stack);

  const examined = await shell('chunkscribe --json doctor --stage guide');
  const lines: { name: string; state: string }[] = JSON.parse(examined.out).lines;
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter(({ state }) => state === 'bad')).toEqual([]);

  expect((await cdk('diff')).out).not.toMatch(/^\[[-+~]\]/m);
  injectFaults({ newest_image: 'ami-0fedcba9876543210' });
  // The price is part of the pages' configuration, so the files are published again.
  expect((await deploy(' -c gpuUsdPerHour=0.9')).InstanceIds).toBe(stack.InstanceIds);
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: stack.PagesBucketName }));
  expect(Contents.map(({ Key }) => Key)).toEqual(expect.arrayContaining(['config.json', 'index.html']));
  const destroyed = await cdk('destroy --force');
  expect(destroyed.code, destroyed.out).toBe(0);
  expect((await shell('chunkscribe --json doctor --stage guide')).out).toContain('there is no chunkscribe-guide');
  expect(await contentOf(bucket)).toBeUndefined();
});

test('any other stage keeps its files and tables when it is destroyed [deployment.kept]', async () => {
  const outputs = join(folder, 'kept.json');
  const cdk = (what: string) => shell(`cdk ${what} -c stage=kept ${AMI} --output ${folder}`);
  const deployed = await cdk(`deploy --require-approval never --outputs-file ${outputs}`);
  expect(deployed.code, deployed.out).toBe(0);
  const stack = JSON.parse(readFileSync(outputs, 'utf8'))['chunkscribe-kept'];
  const bucket = await record(stack);
  const protection = { StackName: 'chunkscribe-kept', EnableTerminationProtection: false };
  await new CloudFormationClient().send(new UpdateTerminationProtectionCommand(protection));
  const destroyed = await cdk('destroy --force');
  expect(destroyed.code, destroyed.out).toBe(0);
  expect(await contentOf(bucket)).toBe(1);
  await db.send(new DescribeTableCommand({ TableName: stack.SessionsTable }));
});

test('invalid context values are reported without a stack trace, and nothing is deployed [deployment.guide]', async () => {
  const { out, code } = await shell(`cdk deploy -c poolSize=0 -c alarmMail=you@example.com --output ${folder}`);
  expect(code).not.toBe(0);
  expect(out).toMatch(/poolSize/);
  expect(out).toMatch(/alarmMail/);
  expect(out).not.toMatch(/ {4}at /);
});
