import { ArnFormat, CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { acknowledgeFindings } from './acknowledgements.ts';
import { Alarms } from './alarms.ts';
import { Assembly } from './assembly.ts';
import { Batch } from './batch.ts';
import { Dashboard } from './dashboard.ts';
import { FileJobs } from './file-jobs.ts';
import { GpuApi } from './gpu-api.ts';
import { GpuFleet } from './gpu-fleet.ts';
import { ServiceApi } from './http-api.ts';
import { Identity } from './identity.ts';
import { Ingest } from './ingest.ts';
import { LaneQueues } from './lane-queues.ts';
import { Observability } from './observability.ts';
import { Reaper } from './reaper.ts';
import { RecordingApi } from './recording-api.ts';
import { serviceFunction } from './service-function.ts';
import { SessionKeeper } from './session-keeper.ts';
import type { StageProps } from './stage.ts';
import { Storage } from './storage.ts';
import { TranscriptionWorkflow } from './transcription-workflow.ts';
import { WebSite } from './web-site.ts';
import { WebhookQueue, Webhooks } from './webhooks.ts';

export interface ChunkscribeStackProps extends StackProps {
  readonly stage: StageProps;
  /** Folder with the built pages. */
  readonly pages: string;
}

/** One stage of the product. Each capability is a construct of its own. */
export class ChunkscribeStack extends Stack {
  constructor(scope: Construct, id: string, { stage, pages, ...props }: ChunkscribeStackProps) {
    super(scope, id, { ...props, terminationProtection: stage.retainData, description: 'Chunkscribe: recordings to text' });
    const storage = new Storage(this, 'Storage', stage);
    const identity = new Identity(this, 'Identity', stage);
    const lanes = new LaneQueues(this, 'Lanes');
    const names = {
      BUCKET_NAME: storage.bucket.bucketName,
      SESSIONS_TABLE: storage.sessions.tableName,
      CHUNKS_TABLE: storage.chunks.tableName,
      SETTINGS_TABLE: storage.settings.tableName,
      FLEET_TABLE: storage.fleet.tableName,
      BATCH_TABLE: storage.batch.tableName,
      JOBS_TABLE: storage.jobs.tableName,
      ...lanes.env,
    };

    const ledgerEnv = { LEDGER_TABLE: storage.ledger.tableName, GPU_USD_PER_HOUR: String(stage.gpuUsdPerHour) };

    const { instances, role, configName } = new GpuFleet(this, 'Fleet', {
      stage,
      workerEnv: {
        BUCKET_NAME: names.BUCKET_NAME,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        SESSIONS_TABLE: names.SESSIONS_TABLE,
        FLEET_TABLE: names.FLEET_TABLE,
        LEDGER_TABLE: ledgerEnv.LEDGER_TABLE,
        BATCH_TABLE: names.BATCH_TABLE,
        ...lanes.env,
      },
    });
    const instanceIds = instances.map(({ instanceId }) => instanceId);
    const instanceArns = instanceIds.map((resourceName) =>
      this.formatArn({ service: 'ec2', resource: 'instance', resourceName, arnFormat: ArnFormat.SLASH_RESOURCE_NAME }),
    );

    const fleetControl = serviceFunction(this, 'FleetControl', {
      folder: 'fleet-control',
      env: {
        ...ledgerEnv,
        FLEET_TABLE: names.FLEET_TABLE,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        INSTANCE_IDS: instanceIds.join(','),
        DAILY_BUDGET_USD: String(stage.dailyBudgetUsd),
        BACKLOG_SECONDS_PER_MACHINE: String(stage.backlogSecondsPerMachine),
      },
      timeout: Duration.minutes(1),
    });
    const { stateMachine } = new TranscriptionWorkflow(this, 'Workflow', { fleetControl, fleet: storage.fleet, instanceArns });

    const shared = { storage, lanes, names, ledgerEnv, stateMachine };
    const observability = new Observability(this, 'Observability', stage);
    const reaper = new Reaper(this, 'Reaper', { ...shared, stage, observability, instanceIds, instanceArns });
    const ingest = new Ingest(this, 'Ingest', shared);
    const assembly = new Assembly(this, 'Assembly', shared);
    const keeper = new SessionKeeper(this, 'SessionKeeper', { ...shared, stage });
    const api = new ServiceApi(this, 'HttpApi', { stage, identity });
    new RecordingApi(this, 'Recording', { ...shared, stage, api, identity });
    const fileJobs = new FileJobs(this, 'FileJobs', { ...shared, stage, api, identity });
    new GpuApi(this, 'GpuApi', { ...shared, stage, api, identity, instanceIds, instanceArns });
    const site = new WebSite(this, 'Site', { stage, identity, api, audio: storage.bucket, pages });
    const webhookQueue = new WebhookQueue(this, 'WebhookQueue');
    const webhooks = new Webhooks(this, 'Webhooks', { stage, storage, queue: webhookQueue, api, identity });
    const batch = new Batch(this, 'Batch', { ...shared, stage, observability, api, identity, webhookQueue: webhookQueue.queue });
    new Alarms(this, 'Alarms', {
      stage,
      observability,
      lanes,
      deadLetters: {
        ingest: ingest.failed,
        assembly: assembly.failed,
        fileJobs: fileJobs.failed,
        webhooks: webhooks.failed,
        webhookAttempts: webhookQueue.deadLetters,
      },
    });
    new Dashboard(this, 'Dashboard', {
      stage,
      lanes,
      instanceIds,
      stateMachine,
      functions: {
        ingest: ingest.handler,
        assembly: assembly.handler,
        files: fileJobs.handler,
        webhooks: webhooks.handler,
        batch: batch.runner,
        reaper: reaper.handler,
        fleet: fleetControl,
      },
    });
    api.servePublic(
      serviceFunction(this, 'ServiceInfo', { folder: 'service-info', env: { STAGE: stage.name } }),
      'GET /api/health',
      'GET /api/openapi.json',
    );

    storage.fleet.grant(fleetControl, 'dynamodb:GetItem', 'dynamodb:PutItem');
    storage.chunks.grant(fleetControl, 'dynamodb:Query');
    storage.ledger.grant(fleetControl, 'dynamodb:Query');
    fleetControl.addToRolePolicy(new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }));
    fleetControl.addToRolePolicy(new PolicyStatement({ actions: ['ec2:StartInstances'], resources: instanceArns }));

    storage.grantObjects(role, 's3:GetObject', 's3:PutObject');
    storage.grantList(role);
    if (stage.speakerModel !== undefined) storage.grantModels(role);
    storage.chunks.grant(role, 'dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    storage.sessions.grant(role, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.batch.grant(role, 'dynamodb:GetItem', 'dynamodb:ConditionCheckItem');
    storage.ledger.grant(role, 'dynamodb:PutItem');
    storage.fleet.grant(role, 'dynamodb:GetItem');
    lanes.grantConsume(role);
    // Separate policies avoid a cycle: machines and function depend on their default policies, and the workflow refers to both.
    new Policy(this, 'WorkerAnswersRuns', {
      roles: [role],
      statements: [
        new PolicyStatement({
          actions: ['states:SendTaskSuccess', 'states:SendTaskFailure', 'states:SendTaskHeartbeat'],
          resources: [stateMachine.stateMachineArn],
        }),
      ],
    });
    if (fleetControl.role === undefined) throw new Error('the function has no role');
    const describesRuns = new Policy(this, 'FleetControlLooksAtRuns', { roles: [fleetControl.role] });
    stateMachine.grantExecution(describesRuns, 'states:DescribeExecution');

    acknowledgeFindings(this);

    new CfnOutput(this, 'ApiUrl', { value: api.api.apiEndpoint });
    new CfnOutput(this, 'PagesUrl', { value: site.url });
    new CfnOutput(this, 'PagesTarget', { value: site.target });
    new CfnOutput(this, 'PagesBucketName', { value: site.bucket.bucketName });
    new CfnOutput(this, 'UserPoolId', { value: identity.userPool.userPoolId });
    new CfnOutput(this, 'UserPoolClientId', { value: identity.client.userPoolClientId });
    new CfnOutput(this, 'BucketName', { value: names.BUCKET_NAME });
    new CfnOutput(this, 'SessionsTable', { value: names.SESSIONS_TABLE });
    new CfnOutput(this, 'ChunksTable', { value: names.CHUNKS_TABLE });
    new CfnOutput(this, 'FleetTable', { value: names.FLEET_TABLE });
    new CfnOutput(this, 'LedgerTable', { value: storage.ledger.tableName });
    new CfnOutput(this, 'StateMachineArn', { value: stateMachine.stateMachineArn });
    new CfnOutput(this, 'InstanceIds', { value: instanceIds.join(',') });
    new CfnOutput(this, 'FleetControlName', { value: fleetControl.functionName });
    new CfnOutput(this, 'ReaperName', { value: reaper.handler.functionName });
    new CfnOutput(this, 'SettingsTable', { value: storage.settings.tableName });
    new CfnOutput(this, 'SessionKeeperName', { value: keeper.handler.functionName });
    new CfnOutput(this, 'JobsTable', { value: storage.jobs.tableName });
    new CfnOutput(this, 'WebhooksTable', { value: storage.webhooks.tableName });
    new CfnOutput(this, 'WebhookSenderName', { value: webhooks.handler.functionName });
    new CfnOutput(this, 'BatchTable', { value: storage.batch.tableName });
    new CfnOutput(this, 'BatchRunnerName', { value: batch.runner.functionName });
    new CfnOutput(this, 'WorkerConfigName', { value: configName });
  }
}
