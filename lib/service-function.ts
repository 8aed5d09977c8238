import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { FunctionEnv } from '../core/contracts/env.ts';

/** Values of variables that the functions parse. */
export type Env = { readonly [Name in keyof FunctionEnv]?: string };

interface ServiceFunctionProps {
  /** Folder below lambdas/. */
  readonly folder: string;
  /** Environment variables that the function parses. `NODE_OPTIONS` and the service's name are added. */
  readonly env: Env;
  /** @default 10 seconds */
  readonly timeout?: Duration;
  /** @default 256 MB */
  readonly memoryMb?: number;
  /** Concurrent executions that no other function can use. @default none */
  readonly reserved?: number | undefined;
}

/** Context key of the folder with the bundled functions. */
export const FUNCTIONS = 'functions';

/** Creates a Lambda function with the product's defaults: Node 24 on arm64, ESM bundle, logs kept for a month. */
export function serviceFunction(scope: Construct, id: string, props: ServiceFunctionProps): LambdaFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
  return new LambdaFunction(scope, id, {
    code: Code.fromAsset(join(String(scope.node.getContext(FUNCTIONS)), props.folder)),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: props.memoryMb ?? 256,
    timeout: props.timeout ?? Duration.seconds(10),
    ...(props.reserved !== undefined && { reservedConcurrentExecutions: props.reserved }),
    logGroup,
    environment: { ...props.env, NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_SERVICE_NAME: props.folder },
  });
}
