import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { synthesized } from '../../bin/synthesized.ts';
import { contentSecurityPolicy } from '../../core/contracts/pages.ts';
import { stageFrom } from '../../lib/stage.ts';

const { stack, template } = synthesized();

const Statement = z.object({ Effect: z.string(), Action: z.union([z.string(), z.array(z.string())]), Resource: z.unknown() });
const Policy = z.object({ Properties: z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) }) });
const statements = Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, resource]) =>
  Policy.parse(resource).Properties.PolicyDocument.Statement.map((statement) => ({
    id,
    ...statement,
    actions: [statement.Action].flat(),
  })),
);

test('only actions without resource-level permissions are allowed on all resources', () => {
  const everywhere = statements.filter(({ Resource }) => Resource === '*').flatMap(({ actions }) => actions);
  const withoutResources =
    /^(ec2:DescribeInstances|cloudwatch:PutMetricData|xray:|logs:(\w*LogDelivery|\w*LogDeliveries|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$)/;
  const notifications = ['s3:PutBucketNotification'];
  expect(everywhere.filter((action) => !withoutResources.test(action) && !notifications.includes(action))).toEqual([]);
});

test('no role may call all actions of a service', () => {
  expect(statements.flatMap(({ actions }) => actions).filter((action) => /^(\*|\w+:\*)$/.test(action))).toEqual([]);
});

test('no role may terminate, create or change machines; only known roles may start and stop them, and only those of the stage', () => {
  const rolesThatMay = (action: string): string[] =>
    statements
      .filter(({ actions }) => actions.includes(action))
      .map(({ id }) => id.replace(/(ServiceRole|Role)?DefaultPolicy.*/, ''));
  const ec2 = new Set(statements.flatMap(({ actions }) => actions).filter((action) => action.startsWith('ec2:')));
  expect([...ec2].sort()).toEqual(['ec2:DescribeInstances', 'ec2:StartInstances', 'ec2:StopInstances']);
  expect(rolesThatMay('ec2:StartInstances').sort()).toEqual(['FleetControl', 'GpuApiHandler']);
  expect(rolesThatMay('ec2:StopInstances').sort()).toEqual(['GpuApiHandler', 'ReaperHandler', 'WorkflowRun']);
  const changing = statements.filter(({ actions }) => actions.some((action) => /^ec2:(Start|Stop)/.test(action)));
  expect(changing.filter(({ Resource }) => !JSON.stringify(Resource).includes('FleetInstance'))).toEqual([]);
});

test('the bucket is private, encrypted, and requires TLS', () => {
  template.hasResourceProperties('AWS::S3::Bucket', {
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    BucketEncryption: Match.anyValue(),
  });
  template.hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]),
    },
  });
});

test('browsers may send the signed headers of uploads, and read the ETag', () => {
  template.hasResourceProperties('AWS::S3::Bucket', {
    CorsConfiguration: {
      CorsRules: [
        Match.objectLike({
          AllowedHeaders: Match.arrayWith(['content-type', 'if-none-match', 'x-amz-checksum-sha256']),
          ExposedHeaders: ['ETag'],
        }),
      ],
    },
  });
});

test('tables and queues are encrypted, and every lane has a dead-letter queue', () => {
  template.allResourcesProperties('AWS::DynamoDB::GlobalTable', { SSESpecification: { SSEEnabled: true } });
  template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
  const lanes = Object.keys(template.findResources('AWS::SQS::Queue', { Properties: { RedrivePolicy: Match.anyValue() } }));
  expect(lanes).toHaveLength(6); // five lanes, and the queue of webhook attempts
});

test('the machine has no open ports, IMDSv2 only, an encrypted volume, and stops when it shuts down [security.template]', () => {
  template.hasResourceProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.absent() });
  template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
    LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required' } },
  });
  template.hasResourceProperties('AWS::EC2::Instance', {
    InstanceType: 'g4dn.xlarge',
    InstanceInitiatedShutdownBehavior: 'stop',
    KeyName: Match.absent(),
    BlockDeviceMappings: [Match.objectLike({ Ebs: Match.objectLike({ Encrypted: true }) })],
  });
  template.resourceCountIs('AWS::EC2::NatGateway', 0);
});

test('every route except the health check and the API description requires a token', () => {
  const open = Object.values(template.findResources('AWS::ApiGatewayV2::Route', { Properties: { AuthorizationType: 'NONE' } }));
  expect(open.map((route) => route['Properties'].RouteKey)).toEqual(['GET /api/health', 'GET /api/openapi.json']);
  const all = Object.values(template.findResources('AWS::ApiGatewayV2::Route'));
  expect(all.filter((route) => route['Properties'].AuthorizationType === 'JWT')).toHaveLength(all.length - open.length);
});

test('the logs of the workflow and the API cannot contain transcripts, tokens or signed URLs [security.logs]', () => {
  template.hasResourceProperties('AWS::StepFunctions::StateMachine', { LoggingConfiguration: { IncludeExecutionData: false } });
  const [stage] = Object.values(template.findResources('AWS::ApiGatewayV2::Stage'));
  expect(stage?.['Properties'].AccessLogSettings.Format).not.toMatch(/header|authorizer|querystring|path/i);
});

test('no function needs more memory than a new account allows, and executions are reserved for the reaper only on request [deployment.template]', () => {
  const functions = Object.values(template.findResources('AWS::Lambda::Function'));
  expect(Math.max(...functions.map((one) => one['Properties'].MemorySize ?? 128))).toBeLessThanOrEqual(3008);
  expect(functions.filter((one) => 'ReservedConcurrentExecutions' in one['Properties'])).toEqual([]);
  synthesized({ reserveReaper: 'true' }).template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: Match.objectLike({ POWERTOOLS_SERVICE_NAME: 'reaper' }) },
    ReservedConcurrentExecutions: 2,
  });
});

test('without amiId, the image is looked up by a resource whose properties never change, so that a deployment keeps it [deployment.image]', () => {
  const [lookUp] = Object.entries(template.findResources('Custom::NewestImage'));
  expect(Object.keys(lookUp?.[1]['Properties']).sort()).toEqual(['Create', 'InstallLatestAwsSdk', 'ServiceToken', 'Update']);
  for (const machine of Object.values(template.findResources('AWS::EC2::Instance')))
    expect(machine['Properties'].ImageId).toEqual({ 'Fn::GetAtt': [lookUp?.[0], 'Parameter.Value'] });
  synthesized({ amiId: 'ami-0123456789abcdef0' }).template.resourceCountIs('Custom::NewestImage', 0);
});

test('every log group has a retention time', () => {
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: Match.anyValue() });
});

test('the reaper runs every minute, and when a run fails or a machine has started or stopped', () => {
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: { source: ['aws.ec2'], detail: { state: ['running', 'stopped'] } },
  });
  template.hasResourceProperties('AWS::Events::Rule', {
    EventPattern: { source: ['aws.states'], detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'] } },
  });
  template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' });
});

test('resources have no physical names, so that two stages fit in one account', () => {
  const named = Object.entries(template.toJSON()['Resources']).filter(([, resource]) => {
    const { BucketName, TableName, QueueName, FunctionName, StateMachineName } = z
      .object({ Properties: z.record(z.string(), z.unknown()).default({}) })
      .parse(resource).Properties;
    return [BucketName, TableName, QueueName, FunctionName, StateMachineName].some((name) => typeof name === 'string');
  });
  expect(named.map(([id]) => id)).toEqual([]);
});

test('prod has termination protection, and keeps its data when the stack is deleted', () => {
  const prod = synthesized({ stage: 'prod' });
  expect(prod.stack.terminationProtection).toBe(true);
  for (const kind of ['AWS::DynamoDB::GlobalTable', 'AWS::Cognito::UserPool'])
    prod.template.allResources(kind, { DeletionPolicy: 'Retain' });
  // The pages' bucket contains only files that the build can recreate.
  const kept = Object.keys(prod.template.findResources('AWS::S3::Bucket', { DeletionPolicy: 'Retain' }));
  expect(kept.map((id) => id.slice(0, -8))).toEqual(['StorageBucket']);
  expect(Template.fromStack(stack).findResources('AWS::S3::Bucket', { DeletionPolicy: 'Retain' })).toEqual({});
});

test('all invalid context values are reported together at synth [deployment.guide]', () => {
  const context = { stage: 'PROD!', idleSeconds: '0', instanceType: 'big', alarmMail: 'me@example.com' };
  expect(() => stageFrom(context)).toThrow(/(?=.*stage)(?=.*instanceType)(?=.*idleSeconds).*"alarmMail"/s);
});

test('context may come from files, with real numbers and booleans, beside the context of CDK [deployment.guide]', () => {
  const context = { poolSize: 2, liveDefault: false, '@aws-cdk/core:checkSecretUsage': true, 'aws:cdk:version-reporting': true };
  expect(stageFrom(context)).toMatchObject({ poolSize: 2, liveDefault: false, name: 'dev' });
});

test('a pool has the requested number of machines in different zones, and every function knows all of them', () => {
  const { template } = synthesized({ poolSize: '3' });
  const subnets = Object.values(template.findResources('AWS::EC2::Instance')).map(
    ({ Properties }) => Properties.NetworkInterfaces[0].SubnetId.Ref,
  );
  expect(subnets).toHaveLength(3);
  expect(subnets[0]).not.toBe(subnets[1]);
  const ids = Object.values(template.findResources('AWS::Lambda::Function'))
    .map(({ Properties }) => JSON.stringify(Properties.Environment?.Variables?.INSTANCE_IDS ?? ''))
    .filter((text) => text.includes('FleetInstance'));
  expect(ids).toHaveLength(3);
  for (const text of ids) expect(text.match(/FleetInstance\w+/g)).toHaveLength(3);
});

test('known voices are off by default, need a speaker model, and only then may their function write settings [speakers.known]', () => {
  const actionsIn = (context: Readonly<Record<string, string>>): string => {
    const policies = synthesized(context).template.findResources('AWS::IAM::Policy');
    const [, policy] = Object.entries(policies).find(([id]) => id.startsWith('RecordingTranscripts')) ?? [];
    return JSON.stringify(policy);
  };
  expect(stageFrom({})).toMatchObject({ knownVoices: false });
  expect(actionsIn({})).not.toContain('dynamodb:PutItem');
  expect(actionsIn({ knownVoices: 'true' })).toContain('dynamodb:PutItem');
  expect(() => stageFrom({ knownVoices: 'true', speakerModel: 'none' })).toThrow('knownVoices: requires a speakerModel');
});

test('an instance type without a known price requires gpuUsdPerHour', () => {
  expect(() => synthesized({ instanceType: 'p5.48xlarge' })).toThrow('gpuUsdPerHour: required for p5.48xlarge');
});

test('every alarm has an action and names its section of the runbook, and every section has an alarm [operation.alarms, gpu.four-stoppers]', () => {
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
  expect([...new Set(alarms.map(({ MetricName }) => MetricName))].sort()).toEqual([
    'ApproximateAgeOfOldestMessage',
    'ApproximateNumberOfMessagesVisible',
    'BatchFailed',
    'BatchGpuSeconds',
    'BatchOverdue',
    'CostTodayUsd',
    'DeadChunks',
    'Errors',
    'FailedChunksPercent',
    'Invocations',
    'ItemsFailed',
    'StopNotConfirmed',
    'StuckJobs',
  ]);
  const runbook = readFileSync(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
  const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'));
  const named = new Set<string>();
  for (const alarm of alarms) {
    expect(alarm.AlarmActions).toHaveLength(1);
    const [, section = ''] = /What to do: docs\/runbook\.md#([\w-]+)$/.exec(alarm.AlarmDescription) ?? [];
    expect(sections, alarm.AlarmDescription).toContain(section);
    named.add(section);
  }
  expect(sections.filter((section) => !named.has(section))).toEqual([]);
});

test('the dashboard shows the GPU, the queues and the cost', () => {
  const [page] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(page?.['Properties'].DashboardBody);
  for (const shown of [
    'nvidia_smi_utilization_gpu',
    'ApproximateAgeOfOldestMessage',
    'CostTodayUsd',
    'BatchSucceeded',
    'Dead letters',
  ])
    expect(body).toContain(shown);
});

test('only a stage with a sender address has permissions to send mail [batch.mail]', () => {
  const permissions = (context: Record<string, string>) =>
    JSON.stringify(synthesized(context).template.findResources('AWS::IAM::Policy')).match(/ses:\w+|cognito-idp:\w+/g) ?? [];
  expect(permissions({})).toEqual([]);
  expect(new Set(permissions({ emailFrom: 'scribe@example.com' }))).toEqual(
    new Set(['ses:SendEmail', 'ses:SendRawEmail', 'cognito-idp:AdminGetUser']),
  );
});

test('table streams are processed in parallel, a failing batch is split, and permanently failing records are kept [pressure.corrections]', () => {
  const streams = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')).filter(
    ({ Properties }) => Properties.StartingPosition !== undefined,
  );
  expect(streams).toHaveLength(6);
  for (const { Properties } of streams)
    expect(Properties).toMatchObject({
      ParallelizationFactor: 10,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      DestinationConfig: { OnFailure: {} },
    });
});

test('rows with applied corrections trigger no assembly, and the stream type of tables has not changed [pressure.corrections]', () => {
  const patterns = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')).flatMap(
    ({ Properties }) => Properties.FilterCriteria?.Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern)) ?? [],
  );
  expect(patterns).toContainEqual({
    dynamodb: { NewImage: { state: { S: ['done', 'dead'] }, corrections_version: { N: [{ exists: false }] } } },
  });
  const kinds = Object.values(template.findResources('AWS::DynamoDB::GlobalTable')).flatMap(
    ({ Properties }) => Properties.StreamSpecification?.StreamViewType ?? [],
  );
  expect(new Set(kinds)).toEqual(new Set(['NEW_IMAGE']));
});

test('every dead-letter queue has an alarm [operation.alarms]', () => {
  const watched = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    .filter(({ Properties }) => Properties.MetricName === 'ApproximateNumberOfMessagesVisible')
    .map(({ Properties }) => Properties.Dimensions[0].Value['Fn::GetAtt'][0]);
  const lanes = Object.values(template.findResources('AWS::SQS::Queue', { Properties: { RedrivePolicy: Match.anyValue() } }));
  const dead = lanes.map(({ Properties }) => Properties.RedrivePolicy.deadLetterTargetArn['Fn::GetAtt'][0]);
  const failed = Object.keys(template.findResources('AWS::SQS::Queue')).filter((id) => id.includes('Failed'));
  expect(failed).toHaveLength(4);
  expect([...dead, ...failed].filter((id) => !watched.includes(id))).toEqual([]);
});

test('the batch runs on the schedule of the stage, and receives its scheduled time', () => {
  const schedule = (context: Record<string, string>) =>
    Object.values(synthesized(context).template.findResources('AWS::Scheduler::Schedule'))[0]?.['Properties'];
  expect(schedule({})).toMatchObject({ ScheduleExpression: 'cron(0 */2 * * ? *)', State: 'ENABLED' });
  expect(schedule({}).Target.Input).toBe('{"start":"scheduled","scheduledTime":"<aws.scheduler.scheduled-time>"}');
  expect(schedule({ batchEveryHours: '6' }).ScheduleExpression).toBe('cron(0 */6 * * ? *)');
  expect(() => stageFrom({ batchEveryHours: '5' })).toThrow(/divisor of 24/);
});

test('the pages come from a private bucket through CloudFront, without inline scripts or styles or foreign frames, and share the API’s origin [pages.safe]', () => {
  template.hasResourceProperties('AWS::CloudFront::ResponseHeadersPolicy', {
    ResponseHeadersPolicyConfig: {
      SecurityHeadersConfig: {
        ContentSecurityPolicy: { ContentSecurityPolicy: Match.anyValue(), Override: true },
        StrictTransportSecurity: { AccessControlMaxAgeSec: 31_536_000, IncludeSubdomains: true, Override: true },
        FrameOptions: { FrameOption: 'DENY', Override: true },
      },
    },
  });
  const policy = contentSecurityPolicy('https://audio', 'https://cognito');
  expect(policy).not.toMatch(/unsafe|\*|https?:(?!\/\/(audio|cognito))/);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  template.hasResourceProperties('AWS::CloudFront::Distribution', {
    DistributionConfig: {
      DefaultRootObject: 'index.html',
      DefaultCacheBehavior: { ViewerProtocolPolicy: 'redirect-to-https', ResponseHeadersPolicyId: Match.anyValue() },
      CacheBehaviors: [Match.objectLike({ PathPattern: '/api/*', ViewerProtocolPolicy: 'https-only' })],
      Origins: Match.arrayWith([Match.objectLike({ OriginAccessControlId: Match.anyValue() })]),
    },
  });
  const published = Object.values(template.findResources('Custom::CDKBucketDeployment')).map(({ Properties }) => Properties);
  expect(published.map(({ Include, SystemMetadata }) => [Include, SystemMetadata['cache-control']])).toEqual([
    [['assets/*'], 'public, max-age=31536000, immutable'],
    [undefined, 'no-cache'],
  ]);
});

test('the rate of the whole API is a parameter, within the limits of an AWS account [api.quota]', () => {
  const throttle = (context: Readonly<Record<string, string>>) => {
    const settings = synthesized(context).template.findResources('AWS::ApiGatewayV2::Stage');
    return Object.values(settings).map((stage) => stage['Properties'].DefaultRouteSettings);
  };
  expect(throttle({})).toEqual([{ ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 }]);
  expect(throttle({ apiRequestsPerSecond: '10000' })).toEqual([{ ThrottlingRateLimit: 10_000, ThrottlingBurstLimit: 5000 }]);
  for (const apiRequestsPerSecond of ['0', '10001', 'many'])
    expect(() => stageFrom({ apiRequestsPerSecond })).toThrow('apiRequestsPerSecond');
});
