import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { FunctionEnv } from '../core/contracts/env.ts';

type Env = { readonly [Name in keyof FunctionEnv]?: string };

export interface ServiceFunctionProps {
  /** Folder below lambdas/. */
  readonly folder: string;
  readonly env: Env;
  /** @default 10 seconds */
  readonly timeout?: Duration;
  /** @default 256 MB */
  readonly memoryMb?: number;
}

/** A Lambda function as all of ours are: Node 24 on arm64, one small ESM bundle, logs that do not stay for ever. */
export function serviceFunction(scope: Construct, id: string, props: ServiceFunctionProps): NodejsFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
  return new NodejsFunction(scope, id, {
    entry: `lambdas/${props.folder}/index.ts`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: props.memoryMb ?? 256,
    timeout: props.timeout ?? Duration.seconds(10),
    logGroup,
    environment: { ...props.env, NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_SERVICE_NAME: props.folder },
    bundling: {
      format: OutputFormat.ESM,
      target: 'node24',
      minify: true,
      sourceMap: true,
      sourcesContent: false,
      mainFields: ['module', 'main'],
      // The runtime brings the SDK: bundles stay small, and its security fixes come without a deployment.
      externalModules: ['@aws-sdk/*', '@smithy/*'],
      banner: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);",
    },
  });
}
