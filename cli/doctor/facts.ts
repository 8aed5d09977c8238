/** Gathers the doctor's facts from AWS, or from the local host's emulator, with the environment's credentials. */
import { DescribeTableCommand, DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import {
  type _InstanceType,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetAccountCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import { requestOf } from '../../core/contracts/calls/client.ts';
import { REPORTS_PREFIX } from '../../core/contracts/keys.ts';
import { IMAGE_PARAMETER, MACHINE_ZONES } from '../../core/contracts/machines.ts';
import { BatchReport } from '../../core/contracts/report.ts';
import { INDEXES, UsageRow } from '../../core/contracts/rows.ts';
import { DAY_MS, utcDay } from '../../core/time.ts';
import { apiUrlOf, type StageTarget, stackNameOf, stackOf } from '../stage.ts';
import { type Facts, type Found, OUTPUTS } from './checks.ts';

const DAYS_BACK = 7;
const G_VCPUS_QUOTA = 'L-DB2E81BA';
const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
const API_MS = 10_000;
const NOT_THERE = /NotFound|does not exist|NonExistent|NoSuch|No such|ValidationError/i;

/** Runs a lookup: `missing` if it returns undefined or fails with a not-found error, `unknown` for any other error. */
async function found<T>(lookUp: () => Promise<T | undefined>): Promise<Found<T>> {
  try {
    const value = await lookUp();
    return value === undefined ? { kind: 'missing' } : { kind: 'found', value };
  } catch (error) {
    const { name, message } = error as Error;
    return NOT_THERE.test(`${name} ${message}`) ? { kind: 'missing' } : { kind: 'unknown', reason: `${name}: ${message}` };
  }
}

const Health = z.object({ stage: z.string().optional() });

/** The days, from today on backwards, in which work and reports are looked for. */
const recentDays = (): string[] => Array.from({ length: DAYS_BACK }, (_, back) => utcDay(Date.now() - back * DAY_MS));

/** The newest usage row of the ledger. */
async function lastWork(dynamo: DynamoDBClient, TableName: string | undefined) {
  for (const day of recentDays()) {
    const { Items = [] } = await dynamo.send(
      new QueryCommand({
        TableName,
        IndexName: INDEXES.ledgerByDay,
        KeyConditionExpression: '#day = :day',
        ExpressionAttributeNames: { '#day': 'day' },
        ExpressionAttributeValues: { ':day': { S: `use#${day}` } },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    const [newest] = Items.map((item) => UsageRow.parse(unmarshall(item)));
    if (newest) return { atMs: newest.at_ms, version: newest.worker_version, model: newest.model, device: newest.device };
  }
  return undefined;
}

/** The newest batch report. Report names contain their time, so it is found by listing day by day. */
async function lastReport(s3: S3Client, Bucket: string | undefined) {
  for (const day of recentDays()) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${REPORTS_PREFIX}batch-${day}` }));
    const Key = Contents.map(({ Key = '' }) => Key)
      .sort()
      .at(-1);
    if (Key === undefined) continue;
    const body = await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
    const { status, timestamp } = BatchReport.parse(JSON.parse(body ?? ''));
    return { name: Key.slice(REPORTS_PREFIX.length).replace(/\.json$/, ''), status, atMs: Date.parse(timestamp) };
  }
  return undefined;
}

/** State and type of a machine. */
async function machineOf(ec2: EC2Client, id: string): Promise<{ state: string; type: string } | undefined> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const machine = Reservations?.[0]?.Instances?.[0];
  return machine && { state: String(machine.State?.Name), type: String(machine.InstanceType) };
}

/** Status of the API, and the stage that it reports. */
async function healthOf(apiUrl: string): Promise<{ status: number; stage: string | undefined }> {
  const response = await fetch(`${apiUrl}${requestOf('GET /api/health').path}`, { signal: AbortSignal.timeout(API_MS) });
  const health = Health.safeParse(await response.json().catch(() => undefined)).data;
  return { status: response.status, stage: health?.stage };
}

/** Looks up several things by their names. */
const each = async <T>(names: readonly string[], lookUp: (name: string) => Promise<T | undefined>) =>
  Object.fromEntries(await Promise.all(names.map(async (name) => [name, await found(() => lookUp(name))] as const)));

/** The first zones of the region, in which CDK places the machines, and those that offer a type. */
async function zonesOf(ec2: EC2Client, type: string): Promise<{ first: string[]; offered: string[] }> {
  const [{ AvailabilityZones = [] }, { InstanceTypeOfferings = [] }] = await Promise.all([
    ec2.send(new DescribeAvailabilityZonesCommand({ Filters: [{ Name: 'zone-type', Values: ['availability-zone'] }] })),
    ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        Filters: [{ Name: 'instance-type', Values: [type] }],
      }),
    ),
  ]);
  const first = AvailabilityZones.map(({ ZoneName = '' }) => ZoneName)
    .sort()
    .slice(0, MACHINE_ZONES);
  return { first, offered: InstanceTypeOfferings.map(({ Location = '' }) => Location) };
}

/** The machine's image, and the size of its snapshot. */
async function imageOf(ec2: EC2Client, ssm: SSMClient, amiId: string | undefined) {
  const id = amiId ?? (await ssm.send(new GetParameterCommand({ Name: IMAGE_PARAMETER }))).Parameter?.Value ?? '';
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
  const sizes = Images.flatMap(({ BlockDeviceMappings = [] }) => BlockDeviceMappings.map(({ Ebs }) => Ebs?.VolumeSize ?? 0));
  return Images.length === 0 ? undefined : { id, sizeGb: Math.max(0, ...sizes) };
}

/** The machines to check while the stage has none. */
export interface Plan {
  readonly instanceType: string;
  readonly volumeGb: number;
  readonly amiId?: string;
  /** Recordings are transcribed while they are made. */
  readonly live: boolean;
}

/** Gathers all facts. */
export async function gather(target: StageTarget, plan: Plan): Promise<Facts> {
  const { stage, options, local } = target;
  const dynamo = new DynamoDBClient(options);
  const ec2 = new EC2Client(options);
  const s3 = new S3Client({ ...options, forcePathStyle: local !== undefined });
  const sqs = new SQSClient(options);
  const ssm = new SSMClient(options);

  const caller = await found(
    async () => (await new STSClient({ region: 'us-east-1', ...options }).send(new GetCallerIdentityCommand({}))).Arn,
  );
  const stack = await found(() => stackOf(target));
  const outputs = stack.kind === 'found' ? stack.value.outputs : {};

  const workerConfig = await found(async () => {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: outputs['WorkerConfigName'] ?? '-' }));
    const values = z.record(z.string(), z.string()).parse(JSON.parse(Parameter?.Value ?? '{}'));
    return { values, sinceMs: Parameter?.LastModifiedDate?.getTime() ?? 0 };
  });
  const config = workerConfig.kind === 'found' ? workerConfig.value.values : {};

  const machineIds = (outputs['InstanceIds'] ?? '').split(',').filter(Boolean);
  const states = await each(machineIds, (id) => machineOf(ec2, id));
  const known = Object.values(states).find((state) => state.kind === 'found');
  const type = known?.kind === 'found' ? known.value.type : plan.instanceType;

  return {
    isLocal: local !== undefined,
    localModel: local?.model,
    nowMs: Date.now(),
    ...{ stage, caller, stack, workerConfig },
    stackName: stackNameOf(target),
    region: options.region,
    instanceType: type,
    vcpus: await found(async () => {
      const { InstanceTypes } = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: [type as _InstanceType] }));
      return InstanceTypes?.[0]?.VCpuInfo?.DefaultVCpus;
    }),
    vcpuQuota: await found(async () => {
      const quotas = new ServiceQuotasClient(options);
      return (await quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode: G_VCPUS_QUOTA }))).Quota?.Value;
    }),
    zones: await found(() => zonesOf(ec2, type)),
    volumeGb: plan.volumeGb,
    image: await found(() => imageOf(ec2, ssm, plan.amiId)),
    mail: await found(async () => {
      const { ProductionAccessEnabled = false, SendingEnabled = false } = await new SESv2Client(options).send(
        new GetAccountCommand({}),
      );
      return { isProduction: ProductionAccessEnabled, canSend: SendingEnabled };
    }),
    isLive: outputs['LiveDefault'] === undefined ? plan.live : outputs['LiveDefault'] === 'true',
    concurrency: await found(
      async () => (await new LambdaClient(options).send(new GetAccountSettingsCommand({}))).AccountLimit?.ConcurrentExecutions,
    ),
    bootstrapVersion: await found(async () =>
      Number((await ssm.send(new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }))).Parameter?.Value),
    ),
    api: await found(() => healthOf(local?.apiUrl ?? apiUrlOf(outputs))),
    tables: await each(
      OUTPUTS.filter((name) => name.endsWith('Table')),
      async (name) => (await dynamo.send(new DescribeTableCommand({ TableName: outputs[name] ?? '-' }))).Table?.TableStatus,
    ),
    queues: await each(
      Object.keys(config).filter((name) => name.startsWith('QUEUE_')),
      async (name) => {
        await sqs.send(new GetQueueAttributesCommand({ QueueUrl: config[name], AttributeNames: ['QueueArn'] }));
        return true as const;
      },
    ),
    machines: machineIds.map((id) => {
      const state = states[id] ?? { kind: 'missing' };
      return { id, state: state.kind === 'found' ? { kind: 'found', value: state.value.state } : state };
    }),
    lastWork: await found(() => lastWork(dynamo, outputs['LedgerTable'])),
    lastError: await found(async () => {
      const { Item } = await dynamo.send(new GetItemCommand({ TableName: outputs['FleetTable'], Key: { id: { S: 'pool' } } }));
      return Item?.['last_error']?.S;
    }),
    lastReport: await found(() => lastReport(s3, outputs['BucketName'])),
  };
}
