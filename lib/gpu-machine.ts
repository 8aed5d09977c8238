import { readFileSync } from 'node:fs';
import { CfnParameter, Fn } from 'aws-cdk-lib';
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
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
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

/** Returns the image of the stage. Without `amiId`, the stack gets a parameter `Ami` that resolves to the newest one. */
export function machineImage(scope: Construct, { amiId }: StageProps): IMachineImage {
  const imageId =
    amiId ??
    new CfnParameter(scope, 'Ami', {
      type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
      default: IMAGE_PARAMETER,
      description: 'SSM parameter with the AMI of the GPU machine',
    }).valueAsString;
  return { getImage: () => ({ imageId, osType: OperatingSystemType.LINUX, userData: UserData.forLinux() }) };
}

/** Installs and starts the boot units at every boot. EC2 stops a machine to change it, so the code and configuration are not in it. */
function bootstrap(config: IStringParameter): UserData {
  const boothook = `#cloud-boothook\n${readFileSync('gpu-worker/bootstrap/boothook.sh', 'utf8')}`;
  return UserData.custom(
    Fn.sub(boothook.replaceAll('${', '${!').replaceAll('@CONFIG@', '${Config}'), { Config: config.parameterName }),
  );
}
