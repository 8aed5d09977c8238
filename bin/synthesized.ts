import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdk from '../cdk.json' with { type: 'json' };
import { ChunkscribeStack } from '../lib/chunkscribe-stack.ts';
import { FUNCTIONS } from '../lib/service-function.ts';
import { stageFrom } from '../lib/stage.ts';
import { buildFunctions } from './build-functions.ts';

/** Synthesizes a stage in this process without building its pages; for tests, cost estimates and generated documents. */
export function synthesized(context: Readonly<Record<string, unknown>> = {}): { stack: Stack; template: Template } {
  const app = new App({ context: { ...cdk.context, [FUNCTIONS]: buildFunctions() } });
  const stage = stageFrom(context);
  const stack = new ChunkscribeStack(app, `chunkscribe-${stage.name}`, {
    stage,
    pages: join(import.meta.dirname, '../web/public'),
  });
  return { stack, template: Template.fromStack(stack) };
}
