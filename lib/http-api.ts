import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnStage, CorsHttpMethod, HttpApi, HttpMethod, HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { CallId } from '../core/contracts/calls/all.ts';
import type { Identity } from './identity.ts';
import type { StageProps } from './stage.ts';

/** Burst limit as seconds of the allowed rate. */
const BURST_SECONDS = 2;
/** AWS's default limit per account and region. */
const LARGEST_BURST = 5000;

interface ServiceApiProps {
  /** Validated parameters of the stage. */
  readonly stage: StageProps;
  /** User pool, and the client whose tokens are accepted. */
  readonly identity: Identity;
}

/** The HTTP API. Routes need a token of the stage's client, except those of `servePublic`. */
export class ServiceApi extends Construct {
  /** The API itself, for its endpoint and id. */
  readonly api: HttpApi;

  constructor(scope: Construct, id: string, { stage, identity }: ServiceApiProps) {
    super(scope, id);
    const issuer = `https://cognito-idp.${Stack.of(this).region}.amazonaws.com/${identity.userPool.userPoolId}`;
    this.api = new HttpApi(this, 'Api', {
      defaultAuthorizer: new HttpJwtAuthorizer('Jwt', issuer, { jwtAudience: [identity.client.userPoolClientId] }),
      corsPreflight: {
        allowOrigins: [...stage.origins],
        allowMethods: [CorsHttpMethod.GET, CorsHttpMethod.POST, CorsHttpMethod.PUT, CorsHttpMethod.PATCH, CorsHttpMethod.DELETE],
        allowHeaders: ['authorization', 'content-type', 'idempotency-key'],
        exposeHeaders: ['location', 'retry-after', 'etag'],
        maxAge: Duration.hours(1),
      },
    });
    const logGroup = new LogGroup(this, 'AccessLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const defaultStage = this.api.defaultStage?.node.defaultChild;
    if (!(defaultStage instanceof CfnStage)) throw new Error('the HTTP API has no default stage');
    // Route and status only, because paths and queries can contain ids.
    const format =
      '{"at":"$context.requestTime","route":"$context.routeKey","status":"$context.status","ms":"$context.responseLatency"}';
    defaultStage.accessLogSettings = { destinationArn: logGroup.logGroupArn, format };
    defaultStage.defaultRouteSettings = {
      throttlingBurstLimit: Math.min(LARGEST_BURST, BURST_SECONDS * stage.apiRequestsPerSecond),
      throttlingRateLimit: stage.apiRequestsPerSecond,
    };
  }

  /** Adds routes that need a token. */
  serve(handler: IFunction, ...routes: readonly CallId[]): void {
    this.add(handler, routes, false);
  }

  /** Like `serve`, but without a token. */
  servePublic(handler: IFunction, ...routes: readonly CallId[]): void {
    this.add(handler, routes, true);
  }

  private add(handler: IFunction, routes: readonly CallId[], open: boolean): void {
    // One permission per function: one per route would soon exceed CloudFormation's 500 resources.
    const integration = new HttpLambdaIntegration(`${handler.node.id}Integration`, handler, { scopePermissionToRoute: false });
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ');
      const verb = Object.values(HttpMethod).find((known) => known === method);
      if (verb === undefined) throw new Error(`${route} names no HTTP method`);
      this.api.addRoutes({ path, methods: [verb], integration, ...(open && { authorizer: new HttpNoneAuthorizer() }) });
    }
  }
}
