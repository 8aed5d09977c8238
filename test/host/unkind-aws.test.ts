/** The emulator behaves as unkindly as AWS where AWS can refuse, fail or take away: contract tests of host/emulator/machines.py and faults.py. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackResourceCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { GetItemCommand, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, expect, test } from 'vitest';
import { connectionAs } from '../../cli/connection.ts';
import { poll } from '../../host/poll.ts';
import { ec2Machines } from '../../lambdas/adapters/ec2-machines.ts';
import { clearFaults, injectFaults } from './faults.ts';
import { checkInvariants } from './invariants.ts';
import { atRest, chunkRows, db, host, output, s3, sampleChunks, uniqueCopy, userA } from './support.ts';

afterEach(clearFaults);
afterAll(async () => {
  await atRest();
  await checkInvariants();
});

test('while a tenth of all writes meets another transaction, a recording is complete and no call fails [aws.conflicts]', async () => {
  injectFaults({ conflicts: 0.1 });
  const { id } = await userA.createSession({ title: 'Conflicts', language: 'en' });
  const chunks = sampleChunks();
  for (const [i, chunk] of chunks.entries()) await userA.upload(id, i + 1, chunk);
  await userA.complete(id, chunks.length);
  expect(await userA.awaitTranscript(id, 120)).toMatchObject({ status: 'completed', gaps: [] });
  const rows = await chunkRows(id);
  expect(rows.map(({ state, attempts, suspect = false }) => [state, attempts, suspect])).toEqual(
    rows.map(() => ['done', 1, false]),
  );
});

test('stopping a recording outlasts conflicts and throttles of every write, also of the one that requests a machine [aws.conflicts]', async () => {
  const [chunk] = sampleChunks(10);
  if (chunk === undefined) throw new Error('the sample is too short');
  const ids: string[] = [];
  for (const action of ['UpdateItem', 'PutItem', 'TransactWriteItems'])
    for (const error of ['conflict', 'throttle'] as const) {
      const { id } = await userA.createSession({ language: 'en' });
      await userA.upload(id, 1, uniqueCopy(chunk));
      injectFaults({ calls: [{ service: 'dynamodb', action, error, times: 3 }] });
      await userA.complete(id, 1);
      clearFaults();
      ids.push(id);
    }
  for (const id of ids) expect(await userA.awaitTranscript(id, 120)).toMatchObject({ status: 'completed', gaps: [] });
});

const cloudFormation = new CloudFormationClient();
const template = (type: string, properties: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ Resources: { It: { Type: type, Properties: properties } } });

async function settled(StackName: string): Promise<string> {
  let status = '';
  await poll('the stack', 30, async () => {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    status = Stacks[0]?.StackStatus ?? '';
    return !status.endsWith('_IN_PROGRESS');
  });
  return status;
}
async function resourceId(StackName: string): Promise<string> {
  const found = await cloudFormation.send(new DescribeStackResourceCommand({ StackName, LogicalResourceId: 'It' }));
  return found.StackResourceDetail?.PhysicalResourceId ?? '';
}

test('an update of a stack stops a machine whose user data changes, and replaces one whose image changes [deployment.unkind]', async () => {
  const StackName = 'unkind-machine';
  const machine = (userData: string, image: string): string =>
    template('AWS::EC2::Instance', { ImageId: image, UserData: Buffer.from(userData).toString('base64') });
  const ec2 = new EC2Client();
  const find = async (id: string) =>
    (await ec2.send(new DescribeInstancesCommand({ Filters: [{ Name: 'instance-id', Values: [id] }] }))).Reservations?.[0]
      ?.Instances?.[0];
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: machine('one', 'ami-00000001') }));
  expect(await settled(StackName)).toBe('CREATE_COMPLETE');
  const first = await resourceId(StackName);
  injectFaults({ stopping_seconds: 3 });
  await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody: machine('two', 'ami-00000001') }));
  expect(await settled(StackName)).toBe('UPDATE_COMPLETE');
  expect(await resourceId(StackName)).toBe(first);
  expect((await find(first))?.State?.Name).toBe('stopping');
  await poll('the restart', 10, async () => (await find(first))?.State?.Name === 'running');
  await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody: machine('two', 'ami-00000002') }));
  await settled(StackName);
  expect(await resourceId(StackName)).not.toBe(first);
  expect(await find(first)).toBeUndefined();
  await expect(ec2.send(new DescribeInstancesCommand({ InstanceIds: [first] }))).rejects.toMatchObject({
    name: 'InvalidInstanceID.NotFound',
  });
  await cloudFormation.send(new DeleteStackCommand({ StackName }));
});

test('a terminated machine is missing in the pool, and hides no other one [deployment.unkind]', async () => {
  const ids = output('InstanceIds').split(',');
  const found = await ec2Machines().describe(['i-0123456789abcdef0', ...ids]);
  expect(found.map(({ instanceId }) => instanceId).sort()).toEqual(ids.sort());
  await expect(ec2Machines().stop('i-0123456789abcdef0')).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
});

test('a machine that hangs while it stops is stopped by force [deployment.unkind]', async () => {
  const ec2 = new EC2Client();
  const { Instances = [] } = await ec2.send(new RunInstancesCommand({ ImageId: 'ami-00000000', MinCount: 1, MaxCount: 1 }));
  const id = Instances[0]?.InstanceId ?? '';
  const machines = ec2Machines(ec2);
  const state = async () => (await machines.describe([id]))[0]?.state;
  injectFaults({ stopping_seconds: 1200 });
  await machines.stop(id);
  await machines.stop(id);
  expect(await state()).toBe('stopping');
  await machines.stop(id, true);
  expect(await state()).toBe('stopped');
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
});

test('a stack with a full bucket cannot be deleted [deployment.unkind]', async () => {
  const StackName = 'unkind-bucket';
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: template('AWS::S3::Bucket', {}) }));
  await settled(StackName);
  const Bucket = await resourceId(StackName);
  await s3.send(new PutObjectCommand({ Bucket, Key: 'recording', Body: 'audio' }));
  await cloudFormation.send(new DeleteStackCommand({ StackName }));
  expect(await settled(StackName)).toBe('DELETE_FAILED');
  await s3.send(new HeadBucketCommand({ Bucket }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'recording' }));
  await cloudFormation.send(new DeleteStackCommand({ StackName }));
  await poll(
    'the deletion',
    30,
    async () => (await s3.send(new HeadBucketCommand({ Bucket })).catch(() => undefined)) === undefined,
  );
});

test('writes meet other transactions, are throttled, and S3 is unavailable, with the errors of AWS [deployment.unkind]', async () => {
  const TableName = output('SettingsTable');
  const Item = { user_id: { S: 'unkind' }, id: { S: 'unkind' }, kind: { S: 'unkind' } };
  const once = (action: string, error: 'conflict' | 'throttle'): void =>
    injectFaults({ calls: [{ service: 'dynamodb', action, error, times: 99 }] });
  once('PutItem', 'conflict');
  await expect(db.send(new PutItemCommand({ TableName, Item }))).rejects.toMatchObject({ name: 'TransactionConflictException' });
  once('TransactWriteItems', 'conflict');
  await expect(db.send(new TransactWriteItemsCommand({ TransactItems: [{ Put: { TableName, Item } }] }))).rejects.toMatchObject({
    name: 'TransactionCanceledException',
    CancellationReasons: [{ Code: 'TransactionConflict' }],
  });
  once('GetItem', 'throttle');
  await expect(db.send(new GetItemCommand({ TableName, Key: {} }))).rejects.toMatchObject({ name: 'ThrottlingException' });
  injectFaults({ calls: [{ service: 's3', action: 'PUT', error: 'unavailable', about: 'unkind' }] });
  const put = new PutObjectCommand({ Bucket: output('BucketName'), Key: 'unkind', Body: 'audio' });
  const impatient = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
  await expect(impatient.send(put)).rejects.toMatchObject({ name: 'ServiceUnavailable' });
});

test('an API above the limit of its stage is throttled, and the command line waits for its turn [deployment.unkind]', async () => {
  const { api } = connectionAs(async () => ({ api: host.apiUrl, token: host.tokens.a }));
  injectFaults({ stage_throttle: { rate: 5, burst: 5 } });
  const plain = await Promise.all(Array.from({ length: 20 }, () => fetch(`${host.apiUrl}/api/health`)));
  const throttled = plain.filter(({ status }) => status === 429);
  expect(throttled.length).toBeGreaterThan(0);
  expect(await throttled[0]?.json()).toEqual({ message: 'Too Many Requests' });
  const lists = await Promise.all(Array.from({ length: 10 }, () => api('GET /api/sessions')));
  expect(lists).toHaveLength(10);
});
