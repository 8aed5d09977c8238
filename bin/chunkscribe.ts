/** The CDK application: synthesizes one stack from the context. `npm run synth`, or `npx cdk deploy -c stage=prod`. */
import { App, Tags } from 'aws-cdk-lib';
import { ChunkscribeStack } from '../lib/chunkscribe-stack.ts';
import { FUNCTIONS } from '../lib/service-function.ts';
import { type StageProps, stageFrom } from '../lib/stage.ts';
import { buildFunctions } from './build-functions.ts';
import { buildPages } from './build-pages.ts';

const app = new App();
const stage = stageOrExit();
app.node.setContext(FUNCTIONS, buildFunctions());
const stack = new ChunkscribeStack(app, `chunkscribe-${stage.name}`, { stage, pages: buildPages() });
for (const [name, value] of Object.entries(stage.tags)) Tags.of(stack).add(name, value);
Tags.of(stack).add('application', 'chunkscribe');
Tags.of(stack).add('stage', stage.name);

/** Prints errors of the context without a stack trace and exits. */
function stageOrExit(): StageProps {
  try {
    return stageFrom(app.node.getAllContext());
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(1);
  }
}
