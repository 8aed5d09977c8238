import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdk from '../../cdk.json' with { type: 'json' };
import { MachineImageStack } from '../../lib/machine-image.ts';

/** Synthesizes the stack that builds an image, as a deployment on this day does. */
export function ownImage(day = new Date('2026-03-05T14:00:20Z')): { stack: MachineImageStack; template: Template } {
  const app = new App({ context: cdk.context });
  const stack = new MachineImageStack(app, 'chunkscribe-image', { instanceType: 'g4dn.xlarge', day });
  return { stack, template: Template.fromStack(stack) };
}
