/** The smoke test for AWS, whole, against the emulator: its stage has machines of its own, which run on this host. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand, paginateDescribeStacks } from '@aws-sdk/client-cloudformation';
import { EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, expect, test } from 'vitest';
import { type Ec2Host, startEc2Host } from '../../host/ec2-host.ts';
import { clientEnv } from '../../host/emulator.ts';
import { folders, PROJECT, WORKER_PYTHON } from '../../host/paths.ts';
import { host } from './support.ts';

const MODEL = 'tiny.en';
const MODEL_FOLDER = execFileSync(WORKER_PYTHON, ['-m', 'gpu_worker', 'find-model', MODEL, '--for-tests'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, PYTHONPATH: join(PROJECT, 'gpu-worker', 'src') },
}).trim();
const SCHEDULED = ['ReaperName', 'BatchRunnerName', 'SessionKeeperName'];
const TICK_MS = 5000;

const folder = mkdtempSync(join(host.temporary, 'smoke-'));
const ending = new AbortController();
afterAll(() => {
  ending.abort();
  rmSync(folder, { recursive: true, force: true });
});

/** Outputs of the smoke test's stack; undefined while there is none. */
async function smokeStack(): Promise<Readonly<Record<string, string>> | undefined> {
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: new CloudFormationClient() }, {}))
    for (const { StackName = '', StackStatus, Outputs = [] } of Stacks)
      if (StackName.startsWith('chunkscribe-smoke-') && StackStatus === 'CREATE_COMPLETE')
        return Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  return undefined;
}

/** Runs the machines of the smoke test's stack, and its schedules more often than every minute. */
async function serve(): Promise<void> {
  let machines: Ec2Host | undefined;
  while (!ending.signal.aborted) {
    const outputs = await smokeStack();
    if (outputs !== undefined) {
      const InstanceIds = outputs['InstanceIds']?.split(',') ?? [];
      // As if they had installed themselves; after ten minutes, the reaper would stop them.
      if (machines === undefined) await new EC2Client().send(new StopInstancesCommand({ InstanceIds }));
      machines ??= startEc2Host({
        folders: folders(host.root),
        endpoint: host.endpoint,
        instanceIds: InstanceIds,
        configName: outputs['WorkerConfigName'] ?? '',
        workerEnv: { MODEL: MODEL_FOLDER, MODEL_NAME: MODEL, LEASE_SECONDS: String(host.leaseSeconds) },
        log: () => undefined,
      });
      for (const name of SCHEDULED)
        await new LambdaClient().send(new InvokeCommand({ FunctionName: outputs[name] })).catch(() => undefined); // being deleted
    }
    await wait(TICK_MS);
  }
  await machines?.stop();
}

const smoke = (args: string) =>
  promisify(execFile)(process.execPath, [join(PROJECT, 'cli', 'chunkscribe.mjs'), '--json', 'smoke', ...args.split(' ')], {
    cwd: folder,
    env: { ...process.env, ...clientEnv(host), CHUNKSCRIBE_API: undefined },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );

test('the smoke test deploys a stage of its own, records, disturbs it, reports what it saw, and leaves nothing [deployment.smoke]', async () => {
  const served = serve();
  const { code, stdout, stderr } = await smoke(`--yes -c idleSeconds=2 -c model=${MODEL}`);
  ending.abort();
  await served;
  const report = JSON.parse(stdout);
  expect(
    report.outcomes.filter(({ state }: { state: string }) => state !== 'passed'),
    stderr,
  ).toEqual([]);
  expect(report.outcomes.map(({ name }: { name: string }) => name)).toEqual([
    ...['deployment', 'first boot', 'recording', 'doctor', 'self-test', 'worker killed', 'run aborted', 'machine terminated'],
    ...['idle stop', 'cost', 'deletion'],
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, `chunkscribe-${report.stage}.json`), 'utf8'))).toMatchObject({ passed: true });
  expect(await smokeStack()).toBeUndefined();
  expect((await smoke('--clean')).stdout).toContain('[]');
});

test('the smoke test refuses every stage but its own, and does not spend money unasked [deployment.smoke]', async () => {
  expect((await smoke('--yes -c stage=prod')).stderr).toContain('but not stage');
  expect((await smoke('-c model=tiny.en')).stderr).toContain('--yes');
  await expect(new CloudFormationClient().send(new DescribeStacksCommand({ StackName: 'chunkscribe-prod' }))).rejects.toThrow();
});
