import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { ServiceApi } from './http-api.ts';
import type { Identity } from './identity.ts';
import { serviceFunction } from './service-function.ts';
import type { Shared } from './shared.ts';
import type { StageProps } from './stage.ts';

export interface GpuApiProps extends Shared {
  readonly stage: StageProps;
  readonly api: ServiceApi;
  readonly identity: Identity;
  readonly instanceIds: readonly string[];
  readonly instanceArns: readonly string[];
}

/** API calls for admins: manual control, state and costs of the GPU. */
export class GpuApi extends Construct {
  constructor(scope: Construct, id: string, props: GpuApiProps) {
    super(scope, id);
    const { stage, storage, lanes, names, ledgerEnv, api, identity, instanceIds, instanceArns } = props;
    const handler = serviceFunction(this, 'Handler', {
      folder: 'gpu-api',
      env: {
        ...lanes.env,
        ...ledgerEnv,
        FLEET_TABLE: names.FLEET_TABLE,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        JOBS_TABLE: names.JOBS_TABLE,
        QUOTAS_TABLE: storage.quotas.tableName,
        INSTANCE_IDS: instanceIds.join(','),
        DAILY_BUDGET_USD: String(stage.dailyBudgetUsd),
        LIVE_DEFAULT: String(stage.liveDefault),
        USER_POOL_CLIENT_ID: identity.client.userPoolClientId,
      },
      timeout: Duration.seconds(25),
    });
    api.serve(
      handler,
      'POST /api/gpu/start',
      'POST /api/gpu/stop',
      'GET /api/overview',
      'GET /api/overview/dead-chunks',
      'GET /api/costs',
    );

    storage.fleet.grant(handler, 'dynamodb:GetItem', 'dynamodb:PutItem');
    storage.ledger.grant(handler, 'dynamodb:Query');
    storage.chunks.grant(handler, 'dynamodb:Query');
    storage.jobs.grant(handler, 'dynamodb:Query');
    storage.quotas.grant(handler, 'dynamodb:UpdateItem');
    lanes.grantReadAttributes(handler);
    handler.addToRolePolicy(new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }));
    handler.addToRolePolicy(
      new PolicyStatement({ actions: ['ec2:StartInstances', 'ec2:StopInstances'], resources: [...instanceArns] }),
    );
  }
}
