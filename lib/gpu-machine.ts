import { readFileSync } from 'node:fs';
import { Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  type IMachineImage,
  Instance,
  InstanceInitiatedShutdownBehavior,
  InstanceType,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  OperatingSystemType,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { IMAGE_PARAMETER } from '../core/contracts/machines.ts';
import type { StageProps } from './stage.ts';

interface GpuMachineProps {
  /** Validated parameters of the stage. */
  readonly stage: StageProps;
  /** Network of the machine. */
  readonly vpc: IVpc;
  /** Subnet, and so availability zone, of the machine. */
  readonly subnet: ISubnet;
  /** Security group without inbound rules. */
  readonly securityGroup: ISecurityGroup;
  /** Role of the worker. */
  readonly role: IRole;
  /** Image of the machine. */
  readonly machineImage: IMachineImage;
  /** SSM parameter with the worker's environment. */
  readonly config: IStringParameter;
}

/** Creates a GPU machine: stops when it shuts down, no key pair, IMDSv2 only, encrypted volume. */
export function gpuMachine(scope: Construct, id: string, { stage, subnet, config, ...props }: GpuMachineProps): Instance {
  return new Instance(scope, id, {
    ...props,
    vpcSubnets: { subnets: [subnet] },
    instanceType: new InstanceType(stage.instanceType),
    requireImdsv2: true,
    associatePublicIpAddress: true,
    instanceInitiatedShutdownBehavior: InstanceInitiatedShutdownBehavior.STOP,
    detailedMonitoring: true,
    userData: bootstrap(config),
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
}

/** Returns the image of the stage: `amiId`, or the one that was the newest when the stack was created. */
export function machineImage(scope: Construct, { amiId }: StageProps): IMachineImage {
  const imageId = amiId ?? newestImage(scope);
  return { getImage: () => ({ imageId, osType: OperatingSystemType.LINUX, userData: UserData.forLinux() }) };
}

/**
 * Looks up the newest image when the stack is created. CloudFormation repeats the lookup only if the properties below change; a
 * parameter of the stack would be resolved at every deployment, and a newer image would replace machines in the middle of a run.
 */
function newestImage(scope: Construct): string {
  const resource = 'parameter';
  const arn = Stack.of(scope).formatArn({ service: 'ssm', account: '*', resource, resourceName: IMAGE_PARAMETER.slice(1) });
  return new AwsCustomResource(scope, 'NewestImage', {
    resourceType: 'Custom::NewestImage',
    onUpdate: {
      service: 'SSM',
      action: 'getParameter',
      parameters: { Name: IMAGE_PARAMETER },
      physicalResourceId: PhysicalResourceId.of(IMAGE_PARAMETER),
      outputPaths: ['Parameter.Value'],
    },
    policy: AwsCustomResourcePolicy.fromStatements([new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [arn] })]),
    installLatestAwsSdk: false,
    logGroup: new LogGroup(scope, 'NewestImageLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    }),
  }).getResponseField('Parameter.Value');
}

/** Installs and starts the boot units at every boot. EC2 stops a machine to change it, so the code and configuration are not in it. */
function bootstrap(config: IStringParameter): UserData {
  const boothook = `#cloud-boothook\n${readFileSync('gpu-worker/bootstrap/boothook.sh', 'utf8')}`;
  return UserData.custom(
    Fn.sub(boothook.replaceAll('${', '${!').replaceAll('@CONFIG@', '${Config}'), { Config: config.parameterName }),
  );
}
