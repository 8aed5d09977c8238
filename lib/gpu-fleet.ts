import { readFileSync } from 'node:fs';
import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { GatewayVpcEndpointAwsService, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { type IGrantable, ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { MACHINE_ZONES } from '../core/contracts/machines.ts';
import { gpuMachine, machineImage } from './gpu-machine.ts';
import type { LaneQueues } from './lane-queues.ts';
import type { StageProps } from './stage.ts';
import type { Storage } from './storage.ts';

/** Characters of the hash of the worker's code that name its version. */
const VERSION_LENGTH = 12;

/** Metrics namespace of the CloudWatch agent on the machines; the same as in gpu-worker/bootstrap/cloudwatch-agent.json. */
export const AGENT_NAMESPACE = 'CWAgent';

interface GpuFleetProps {
  /** Validated parameters of the stage. */
  readonly stage: StageProps;
  /** The bucket and the tables that the worker uses. */
  readonly storage: Storage;
  /** Queues from which the worker receives its work. */
  readonly lanes: LaneQueues;
}

/** The GPU machines: stopped unless a holder needs them, no inbound connections. */
export class GpuFleet extends Construct {
  /** Ids in order of preference; successive machines are in different availability zones. */
  readonly instanceIds: readonly string[];
  /** ARNs in the same order. */
  readonly instanceArns: readonly string[];
  /** Role of the machines. */
  readonly role: Role;
  /** SSM parameter with the worker's environment. */
  readonly configName: string;

  constructor(scope: Construct, id: string, { stage, storage, lanes }: GpuFleetProps) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: MACHINE_ZONES,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24 }],
      gatewayEndpoints: {
        s3: { service: GatewayVpcEndpointAwsService.S3 },
        dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'GPU worker: no way in',
      allowAllOutbound: true,
    });

    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore')],
    });
    const bundle = new Asset(this, 'WorkerBundle', {
      path: 'gpu-worker',
      exclude: [
        'tests',
        'image',
        '.venv',
        '**/__pycache__',
        'pyproject.toml',
        'requirements-{dev,protocol-model,serve}.txt',
        '.*_cache',
        '.hypothesis',
      ],
    });
    const logs = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: stage.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const { BUCKET_NAME, CHUNKS_TABLE, SESSIONS_TABLE, FLEET_TABLE, LEDGER_TABLE, BATCH_TABLE } = storage.env;
    // The machine reads it at every boot, so that a change needs no new machine.
    const config = new StringParameter(this, 'WorkerConfig', {
      description: 'Environment and code location of the GPU worker; read at every boot',
      stringValue: Stack.of(this).toJsonString({
        BUCKET_NAME,
        CHUNKS_TABLE,
        SESSIONS_TABLE,
        FLEET_TABLE,
        LEDGER_TABLE,
        BATCH_TABLE,
        ...lanes.env,
        MODEL: stage.model,
        DEVICE: 'cuda',
        IDLE_SECONDS: String(stage.idleSeconds),
        ...(stage.speakerModel !== undefined && { SPEAKER_MODEL: stage.speakerModel }),
        BUNDLE: bundle.s3ObjectUrl,
        CONTRACT: readFileSync('gpu-worker/contract', 'utf8').trim(),
        LOG_GROUP: logs.logGroupName,
        WORKER_VERSION: bundle.assetHash.slice(0, VERSION_LENGTH),
      }),
    });

    const machine = { stage, vpc, securityGroup, role: this.role, machineImage: machineImage(this, stage), config };
    const subnets = vpc.publicSubnets;
    const instances = Array.from({ length: stage.poolSize }, (_, i) => {
      const subnet = subnets[i % subnets.length];
      if (subnet === undefined) throw new Error('the VPC has no public subnet');
      return gpuMachine(this, i === 0 ? 'Instance' : `Instance${i + 1}`, { ...machine, subnet });
    });
    this.instanceIds = instances.map(({ instanceId }) => instanceId);
    const arn = { service: 'ec2', resource: 'instance', arnFormat: ArnFormat.SLASH_RESOURCE_NAME };
    this.instanceArns = this.instanceIds.map((resourceName) => Stack.of(this).formatArn({ ...arn, resourceName }));
    this.configName = config.parameterName;
    config.grantRead(this.role);
    bundle.grantRead(this.role);
    logs.grantWrite(this.role);
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': AGENT_NAMESPACE } },
      }),
    );

    storage.grantObjects(this.role, 's3:GetObject', 's3:PutObject');
    storage.grantList(this.role);
    storage.grantMachineCopies(this.role);
    if (stage.speakerModel?.endsWith('.onnx')) storage.grantModels(this.role);
    storage.chunks.grant(this.role, 'dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.sessions.grant(this.role, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.batch.grant(this.role, 'dynamodb:GetItem', 'dynamodb:ConditionCheckItem');
    storage.ledger.grant(this.role, 'dynamodb:PutItem');
    storage.fleet.grant(this.role, 'dynamodb:GetItem');
    lanes.grantConsume(this.role);
  }

  /** Grants reading the states of the machines, which AWS cannot limit to them, and actions on these machines only. */
  grantControl(grantee: IGrantable, ...actions: readonly ('ec2:StartInstances' | 'ec2:StopInstances')[]): void {
    const { grantPrincipal } = grantee;
    grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }));
    grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions: [...actions], resources: [...this.instanceArns] }));
  }
}
