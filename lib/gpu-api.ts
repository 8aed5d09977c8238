import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { GpuFleet } from './gpu-fleet.ts';
import { serviceFunction } from './service-function.ts';
import { costEnv, type SharedByCalls } from './shared.ts';

interface GpuApiProps extends SharedByCalls {
  /** Machines that admins may start and stop. */
  readonly fleet: GpuFleet;
}

/** API calls for admins: manual control, state and costs of the GPU. */
export class GpuApi extends Construct {
  constructor(scope: Construct, id: string, props: GpuApiProps) {
    super(scope, id);
    const { stage, storage, lanes, api, identity, fleet } = props;
    const { FLEET_TABLE, CHUNKS_TABLE, JOBS_TABLE, QUOTAS_TABLE } = storage.env;
    const handler = serviceFunction(this, 'Handler', {
      folder: 'gpu-api',
      env: {
        ...lanes.env,
        ...costEnv(props),
        FLEET_TABLE,
        CHUNKS_TABLE,
        JOBS_TABLE,
        QUOTAS_TABLE,
        INSTANCE_IDS: fleet.instanceIds.join(','),
        DAILY_BUDGET_USD: String(stage.dailyBudgetUsd),
        LIVE_DEFAULT: String(stage.liveDefault),
        ...identity.env,
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
    storage.ledger.grant(handler, 'dynamodb:Query', 'dynamodb:PutItem');
    storage.chunks.grant(handler, 'dynamodb:Query');
    storage.jobs.grant(handler, 'dynamodb:Query');
    storage.quotas.grant(handler, 'dynamodb:UpdateItem');
    lanes.grantReadAttributes(handler);
    fleet.grantControl(handler, 'ec2:StartInstances', 'ec2:StopInstances');
  }
}
