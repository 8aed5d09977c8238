/** The CDK application of `npm run image`: the stack that builds the image of the GPU machines, with the type and tags of the stage. */
import { App, Tags } from 'aws-cdk-lib';
import { MachineImageStack } from '../lib/machine-image.ts';
import { stageFrom } from '../lib/stage.ts';

const app = new App();
try {
  const { instanceType, tags } = stageFrom(app.node.getAllContext());
  const stack = new MachineImageStack(app, 'chunkscribe-image', { instanceType, day: new Date() });
  for (const [name, value] of Object.entries({ ...tags, application: 'chunkscribe' })) Tags.of(stack).add(name, value);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
