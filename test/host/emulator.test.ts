/** Contract tests for the patches of host/emulator/launcher.py. All other host tests cover templates with instances. */
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { CreateScheduleCommand, DeleteScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, expect, test } from 'vitest';
import { PagesConfig } from '../../core/contracts/pages.ts';
import { machineEnv } from '../../host/emulator.ts';
import { keysOf } from '../../host/home-keys.ts';
import { poll } from '../../host/poll.ts';
import { clearFaults, injectFaults, statesOf } from './faults.ts';
import { host, output, s3 } from './support.ts';

/** Role of the stage's state machine, for the state machines created here. */
let roleArn = '';
beforeAll(async () => {
  const workflow = await new SFNClient().send(new DescribeStateMachineCommand({ stateMachineArn: output('StateMachineArn') }));
  roleArn = workflow.roleArn ?? '';
});

test('a waiting task without heartbeats ends with States.HeartbeatTimeout [host.emulator]', async () => {
  const sfn = new SFNClient();
  const wait = {
    Type: 'Task',
    Resource: 'arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken',
    HeartbeatSeconds: 1,
    TimeoutSeconds: 60,
    Parameters: {
      TableName: output('FleetTable'),
      Key: { id: { S: 'heartbeat-test' } },
      UpdateExpression: 'SET ready_token = :t',
      ExpressionAttributeValues: { ':t': { 'S.$': '$$.Task.Token' } },
    },
    End: true,
  };
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name: 'heartbeat-test',
      roleArn,
      definition: JSON.stringify({ StartAt: 'Wait', States: { Wait: wait } }),
    }),
  );
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
  const ended = await poll('the timeout', 20, async () => {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return execution.status === 'RUNNING' ? undefined : execution;
  });
  expect(ended).toMatchObject({ status: 'FAILED', error: 'States.HeartbeatTimeout' });
});

test('a task in a Map takes its timeout from its input, appears in the history, and does not continue after the execution is stopped', async () => {
  const sfn = new SFNClient();
  const key = (id: string) => ({ TableName: output('FleetTable'), Key: { id: { S: id } } });
  const wait = {
    Type: 'Task',
    Resource: 'arn:aws:states:::aws-sdk:dynamodb:getItem.waitForTaskToken',
    TimeoutSecondsPath: '$.seconds',
    Parameters: key('map-test'),
    Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'After' }],
    End: true,
  };
  const after = { Type: 'Task', Resource: 'arn:aws:states:::aws-sdk:dynamodb:getItem', Parameters: key('map-test'), End: true };
  const processor = { StartAt: 'Wait', States: { Wait: wait, After: after } };
  const definition = { StartAt: 'Each', States: { Each: { Type: 'Map', ItemProcessor: processor, End: true } } };
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({
      name: 'map-test',
      roleArn,
      definition: JSON.stringify(definition),
    }),
  );
  const start = async () =>
    (await sfn.send(new StartExecutionCommand({ stateMachineArn, input: '[{"seconds":1}]' }))).executionArn ?? '';
  const status = async (executionArn: string) => (await sfn.send(new DescribeExecutionCommand({ executionArn }))).status;
  const whole = await start();
  await poll('its end', 20, async () => (await status(whole)) === 'SUCCEEDED');
  expect(await statesOf(whole)).toEqual(['Each', 'Wait', 'After']);

  const stopped = await start();
  await poll('the wait', 10, async () => (await statesOf(stopped)).includes('Wait'));
  await sfn.send(new StopExecutionCommand({ executionArn: stopped }));
  const other = await start(); // takes long enough for the stopped execution to continue, if it could
  await poll('the end of another', 20, async () => (await status(other)) === 'SUCCEEDED');
  expect(await statesOf(stopped)).not.toContain('After');
});

test("a function's error keeps its name, so that the workflow can retry and catch it [host.emulator]", async () => {
  const FunctionName = output('FleetControlName');
  const { FunctionError, Payload } = await new LambdaClient().send(
    new InvokeCommand({ FunctionName, Payload: Buffer.from('{"step":"nonsense"}') }),
  );
  expect(FunctionError).toBeDefined();
  expect(JSON.parse(Buffer.from(Payload ?? []).toString())).toMatchObject({ errorType: 'ZodError' });
});

test('starting and stopping a machine takes time, is refused by state or capacity, updates its times, and a stop sends an event [host.emulator]', async () => {
  const ec2 = new EC2Client({ maxAttempts: 1 });
  const { Instances = [] } = await ec2.send(new RunInstancesCommand({ ImageId: 'ami-00000000', MinCount: 1, MaxCount: 1 }));
  const InstanceIds = [Instances[0]?.InstanceId ?? ''];
  const look = async () => (await ec2.send(new DescribeInstancesCommand({ InstanceIds }))).Reservations?.[0]?.Instances?.[0];
  const state = async (): Promise<string> => (await look())?.State?.Name ?? '';
  const firstLaunch = (await look())?.LaunchTime?.getTime() ?? 0;
  const { rule, announced } = await stateChanges(InstanceIds);

  await ec2.send(new StopInstancesCommand({ InstanceIds }));
  expect(await state()).toBe('stopping');
  await expect(ec2.send(new StartInstancesCommand({ InstanceIds }))).rejects.toMatchObject({ name: 'IncorrectInstanceState' });
  await poll('the stop', 10, async () => (await state()) === 'stopped');
  await poll('the announcement', 10, announced);
  expect((await look())?.StateTransitionReason).toMatch(/^User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)$/);
  injectFaults({ no_capacity: InstanceIds });
  const refused = ec2.send(new StartInstancesCommand({ InstanceIds }));
  await expect(refused).rejects.toMatchObject({ name: 'InsufficientInstanceCapacity' });
  clearFaults();
  await ec2.send(new StartInstancesCommand({ InstanceIds }));
  expect(await state()).toBe('pending');
  await expect(ec2.send(new StopInstancesCommand({ InstanceIds }))).rejects.toMatchObject({ name: 'IncorrectInstanceState' });
  await poll('the start', 10, async () => (await state()) === 'running');
  expect((await look())?.LaunchTime?.getTime()).toBeGreaterThanOrEqual(firstLaunch);
  expect((await look())?.StateTransitionReason ?? '').toBe('');
  await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
  await rule.remove();
});

test('a schedule passes its scheduled time to its target', async () => {
  const [scheduler, sqs] = [new SchedulerClient(), new SQSClient()];
  const Name = 'schedule-test';
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: Name }));
  await scheduler.send(
    new CreateScheduleCommand({
      Name,
      ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: `arn:aws:sqs:us-east-1:000000000000:${Name}`,
        RoleArn: 'arn:aws:iam::000000000000:role/x',
        Input: '{"scheduledTime":"<aws.scheduler.scheduled-time>"}',
      },
    }),
  );
  const told = await poll('the message', 30, async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    return Messages[0]?.Body;
  });
  expect(JSON.parse(told).scheduledTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/);
  await scheduler.send(new DeleteScheduleCommand({ Name }));
});

/** A queue that receives an event when one of these machines has stopped. */
async function stateChanges(instanceIds: readonly string[]) {
  const [events, sqs] = [new EventBridgeClient(), new SQSClient()];
  const Name = 'state-changes-test';
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: Name }));
  const pattern = { source: ['aws.ec2'], detail: { 'instance-id': instanceIds, state: ['stopped'] } };
  await events.send(new PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
  await events.send(
    new PutTargetsCommand({ Rule: Name, Targets: [{ Id: 'queue', Arn: `arn:aws:sqs:us-east-1:000000000000:${Name}` }] }),
  );
  return {
    announced: async (): Promise<boolean> =>
      ((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages ?? []).length > 0,
    rule: {
      remove: async (): Promise<void> => {
        await events.send(new RemoveTargetsCommand({ Rule: Name, Ids: ['queue'] }));
        await events.send(new DeleteRuleCommand({ Name }));
      },
    },
  };
}

test('the built pages are published with content types, cache headers and the stage’s configuration [pages.published]', async () => {
  const Bucket = output('PagesBucketName');
  const head = async (Key: string) => {
    const { ContentType, CacheControl } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    return [ContentType, CacheControl];
  };
  expect(await head('index.html')).toEqual(['text/html', 'no-cache']);
  expect(await head('sw.js')).toEqual(['text/javascript', 'no-cache']);
  const read = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
  const script = /assets\/index-[\w-]+\.js/.exec((await read('index.html')) ?? '')?.[0] ?? '';
  expect(await head(script)).toEqual(['text/javascript', 'public, max-age=31536000, immutable']);
  const config = PagesConfig.parse(JSON.parse((await read('config.json')) ?? ''));
  expect(config).toMatchObject({ stage: 'local', apiUrl: '', clientId: output('UserPoolClientId') });
  expect(config.isLocal).toBeUndefined();
});

test('of the events of a log stream the newest are kept, so that the emulator does not grow for ever [host.durable]', async () => {
  const logs = new CloudWatchLogsClient({ endpoint: host.endpoint });
  const place = { logGroupName: '/test/endless', logStreamName: 'one' };
  await logs.send(new CreateLogGroupCommand(place));
  await logs.send(new CreateLogStreamCommand(place));
  const now = Date.now();
  for (let batch = 0; batch < 10; batch += 1) {
    const logEvents = Array.from({ length: 10_000 }, (_, n) => ({ timestamp: now + batch, message: String(10_000 * batch + n) }));
    await logs.send(new PutLogEventsCommand({ ...place, logEvents }));
  }
  const { logStreams: [stream] = [] } = await logs.send(new DescribeLogStreamsCommand(place));
  expect(stream?.storedBytes).toBeLessThanOrEqual(5 * 20_000);
  const { events: [newest] = [] } = await logs.send(new GetLogEventsCommand({ ...place, limit: 1, startFromHead: false }));
  expect(newest?.message).toBe('99999');
});

test('IAM policies are enforced: a machine can read its settings but not start machines [deployment.template]', async () => {
  const key = machineEnv(host.endpoint, keysOf(host.root).machine);
  const credentials = {
    accessKeyId: key['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: key['AWS_SECRET_ACCESS_KEY'] ?? '',
    sessionToken: key['AWS_SESSION_TOKEN'] ?? '',
  };
  const InstanceIds = output('InstanceIds').split(',');
  await expect(new EC2Client({ credentials }).send(new StartInstancesCommand({ InstanceIds }))).rejects.toThrow(/not authorized/);
  const ssm = new SSMClient({ credentials });
  expect((await ssm.send(new GetParameterCommand({ Name: output('WorkerConfigName') }))).Parameter?.Value).toContain('BUCKET');
});
