/**
 * The stack that builds an image of its own for the GPU machines: Canonical's Ubuntu, NVIDIA's driver and what the boot scripts use,
 * on a volume of 20 GB. It belongs to no stage; `npm run image -- deploy` creates it.
 *
 * Steps of EC2 Image Builder: install.sh, restart and check.sh on a machine with a GPU; a snapshot; check.sh on a new machine from
 * the image. A failed check fails the deployment.
 * Gotchas:
 * - Component and recipe are immutable for a name and version. The name contains a hash of the scripts, the version the date.
 * - A deployment on another day builds a new image. Older images stay, and so does the image of a deleted stack.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CfnOutput, FileSystem, Stack, type StackProps } from 'aws-cdk-lib';
import { SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnInstanceProfile, ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnComponent, CfnImage, CfnImageRecipe, CfnInfrastructureConfiguration } from 'aws-cdk-lib/aws-imagebuilder';
import type { Construct } from 'constructs';
import { OWN_IMAGE } from '../core/contracts/machines.ts';
import { acknowledgeImageFindings } from './acknowledgements.ts';

/** Canonical's public parameter with the newest Ubuntu 24.04. @see https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ */
const UBUNTU = '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';
const SCRIPTS = 'gpu-worker/image';
/** Characters of the hash of the scripts that name a recipe. */
const HASH_LENGTH = 12;
const RESTART_SECONDS = 5;

interface MachineImageProps extends StackProps {
  /** Type of the machines that build and test the image; it has a GPU. */
  readonly instanceType: string;
  /** Day of the build; a deployment on another day builds a new image. */
  readonly day: Date;
}

/** Builds the image. Its id is the output `ImageId`. */
export class MachineImageStack extends Stack {
  constructor(scope: Construct, id: string, { instanceType, day, ...props }: MachineImageProps) {
    super(scope, id, { ...props, description: 'Chunkscribe: image of the GPU machines' });
    const name = `chunkscribe-machine-${FileSystem.fingerprint(SCRIPTS).slice(0, HASH_LENGTH)}`;
    const version = [day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate()].join('.');
    const component = new CfnComponent(this, 'Component', { name, version, platform: 'Linux', data: componentDocument() });
    const recipe = new CfnImageRecipe(this, 'Recipe', {
      name,
      version,
      parentImage: `ssm:${UBUNTU}`,
      components: [{ componentArn: component.attrArn }],
      blockDeviceMappings: [
        {
          deviceName: '/dev/sda1',
          ebs: { volumeSize: OWN_IMAGE.volumeGb, volumeType: 'gp3', encrypted: true, deleteOnTermination: true },
        },
      ],
      // Session Manager is the only access to the machines.
      additionalInstanceConfiguration: { systemsManagerAgent: { uninstallAfterBuild: false } },
      amiTags: { application: 'chunkscribe' },
    });
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 1,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 28 }],
    });
    const image = new CfnImage(this, 'Image', {
      imageRecipeArn: recipe.attrArn,
      infrastructureConfigurationArn: this.infrastructure(vpc, instanceType).attrArn,
      imageTestsConfiguration: { imageTestsEnabled: true },
      // The inventory that it collects fails in accounts that collect one of all machines.
      enhancedImageMetadataEnabled: false,
    });
    image.node.addDependency(vpc); // its route to the internet
    new CfnOutput(this, 'ImageId', { value: image.attrImageId });
    acknowledgeImageFindings(this);
  }

  /** Machines that build and test the image: no key pair, no inbound connections, IMDSv2 only. */
  private infrastructure(vpc: Vpc, instanceType: string): CfnInfrastructureConfiguration {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: ['EC2InstanceProfileForImageBuilder', 'AmazonSSMManagedInstanceCore'].map((policy) =>
        ManagedPolicy.fromAwsManagedPolicyName(policy),
      ),
    });
    const profile = new CfnInstanceProfile(this, 'Profile', { roles: [role.roleName] });
    const securityGroup = new SecurityGroup(this, 'SecurityGroup', { vpc, description: 'Builds an image: no way in' });
    return new CfnInfrastructureConfiguration(this, 'Infrastructure', {
      name: this.stackName,
      instanceProfileName: profile.ref,
      instanceTypes: [instanceType],
      instanceMetadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
      securityGroupIds: [securityGroup.securityGroupId],
      subnetId: vpc.publicSubnets[0]?.subnetId,
      terminateInstanceOnFailure: true,
    });
  }
}

/** @see https://docs.aws.amazon.com/imagebuilder/latest/userguide/toe-use-documents.html */
function componentDocument(): string {
  const run = (script: string) => ({
    name: script,
    action: 'ExecuteBash',
    inputs: { commands: [readFileSync(join(SCRIPTS, `${script}.sh`), 'utf8')] },
  });
  const restart = { name: 'restart', action: 'Reboot', inputs: { delaySeconds: RESTART_SECONDS } };
  return JSON.stringify({
    schemaVersion: '1.0',
    phases: [
      { name: 'build', steps: [run('install'), restart] },
      { name: 'validate', steps: [run('check')] },
      { name: 'test', steps: [run('check')] },
    ],
  });
}
