import { readFileSync } from 'node:fs';
import { CfnParameter, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  GatewayVpcEndpointAwsService,
  type IMachineImage,
  Instance,
  InstanceInitiatedShutdownBehavior,
  InstanceType,
  type ISubnet,
  OperatingSystemType,
  SecurityGroup,
  SubnetType,
  UserData,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { StageProps } from './stage.ts';

/** SSM parameter of the newest Ubuntu 24.04 AMI with NVIDIA drivers; resolved at deployment unless the stage sets `amiId`. */
const AMI_PARAMETER = '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
/** Characters of the hash of the worker's code that name its version. */
const VERSION_LENGTH = 12;

/** Metrics namespace of the CloudWatch agent on the machines; the same as in gpu-worker/bootstrap/cloudwatch-agent.json. */
export const AGENT_NAMESPACE = 'CWAgent';

export interface GpuFleetProps {
  readonly stage: StageProps;
  /** Environment of the worker. The machine reads it at every boot, so that a change needs no new machine. */
  readonly workerEnv: Readonly<Record<string, string>>;
}

/** The GPU machines: stopped unless a holder needs them, no inbound connections. */
export class GpuFleet extends Construct {
  /** In order of preference; successive machines are in different availability zones. */
  readonly instances: readonly Instance[];
  readonly role: Role;
  /** SSM parameter with the worker's environment. */
  readonly configName: string;

  constructor(scope: Construct, id: string, { stage, workerEnv }: GpuFleetProps) {
    super(scope, id);
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
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
      exclude: ['tests', '.venv', '**/__pycache__', '*.in', 'requirements-{dev,protocol-model,serve}.txt', '.*_cache'],
    });
    const logs = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: stage.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const config = new StringParameter(this, 'WorkerConfig', {
      description: 'Environment and code location of the GPU worker; read at every boot',
      stringValue: Stack.of(this).toJsonString({
        ...workerEnv,
        MODEL: stage.model,
        IDLE_SECONDS: String(stage.idleSeconds),
        ...(stage.speakerModel !== undefined && { SPEAKER_MODEL: stage.speakerModel }),
        BUNDLE: bundle.s3ObjectUrl,
        LOG_GROUP: logs.logGroupName,
        WORKER_VERSION: bundle.assetHash.slice(0, VERSION_LENGTH),
      }),
    });

    const image = this.image(stage);
    const make = (id: string, subnet: ISubnet): Instance =>
      new Instance(this, id, {
        vpc,
        vpcSubnets: { subnets: [subnet] },
        instanceType: new InstanceType(stage.instanceType),
        machineImage: image,
        securityGroup,
        role: this.role,
        requireImdsv2: true,
        associatePublicIpAddress: true,
        instanceInitiatedShutdownBehavior: InstanceInitiatedShutdownBehavior.STOP,
        detailedMonitoring: true,
        userData: this.bootstrap(config),
        blockDevices: [
          {
            deviceName: '/dev/sda1',
            volume: BlockDeviceVolume.ebs(stage.volumeGb, {
              encrypted: true,
              volumeType: EbsDeviceVolumeType.GP3,
              deleteOnTermination: true,
            }),
          },
        ],
      });

    const subnets = vpc.publicSubnets;
    this.instances = Array.from({ length: stage.poolSize }, (_, i) => {
      const subnet = subnets[i % subnets.length];
      if (subnet === undefined) throw new Error('the VPC has no public subnet');
      return make(i === 0 ? 'Instance' : `Instance${i + 1}`, subnet);
    });
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
  }

  private image({ amiId }: StageProps): IMachineImage {
    const imageId =
      amiId ??
      new CfnParameter(this, 'Ami', {
        type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
        default: AMI_PARAMETER,
        description: 'SSM parameter with the AMI of the GPU machine',
      }).valueAsString;
    return { getImage: () => ({ imageId, osType: OperatingSystemType.LINUX, userData: UserData.forLinux() }) };
  }

  /** Runs at every boot, not only the first, so that new code and configuration apply at the next start. */
  private bootstrap(config: StringParameter): UserData {
    const script = readFileSync('gpu-worker/bootstrap/boot.sh', 'utf8');
    const multipart = `#cloud-boothook\n${script}`;
    return UserData.custom(
      Fn.sub(multipart.replaceAll('${', '${!').replaceAll('@CONFIG@', '${Config}'), { Config: config.parameterName }),
    );
  }
}
