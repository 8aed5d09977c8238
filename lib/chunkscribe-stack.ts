import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { acknowledgeFindings } from './acknowledgements.ts';
import { Alarms } from './alarms.ts';
import { Assembly } from './assembly.ts';
import { Batch } from './batch.ts';
import { Dashboard } from './dashboard.ts';
import { FileJobs } from './file-jobs.ts';
import { GpuApi } from './gpu-api.ts';
import { GpuFleet } from './gpu-fleet.ts';
import { gpuRuns } from './gpu-runs.ts';
import { ServiceApi } from './http-api.ts';
import { Identity } from './identity.ts';
import { Ingest } from './ingest.ts';
import { LaneQueues } from './lane-queues.ts';
import { Observability } from './observability.ts';
import { Reaper } from './reaper.ts';
import { RecordingApi } from './recording-api.ts';
import { serviceInfo } from './service-info.ts';
import { SessionKeeper } from './session-keeper.ts';
import type { StageProps } from './stage.ts';
import { Storage } from './storage.ts';
import { WebSite } from './web-site.ts';
import { WebhookQueue, Webhooks } from './webhooks.ts';

interface ChunkscribeStackProps extends StackProps {
  /** Validated parameters of the stage. */
  readonly stage: StageProps;
  /** Folder with the built pages. */
  readonly pages: string;
}

/** One stage of the product. Each capability is a construct with its functions, routes, grants and alarms. */
export class ChunkscribeStack extends Stack {
  constructor(scope: Construct, id: string, { stage, pages, ...props }: ChunkscribeStackProps) {
    super(scope, id, { ...props, terminationProtection: stage.retainData, description: 'Chunkscribe: recordings to text' });
    const storage = new Storage(this, 'Storage', stage);
    const identity = new Identity(this, 'Identity', stage);
    const lanes = new LaneQueues(this, 'Lanes');
    const fleet = new GpuFleet(this, 'Fleet', { stage, storage, lanes });
    const { fleetControl, stateMachine } = gpuRuns(this, { stage, storage, fleet });
    const observability = new Observability(this, 'Observability', stage);
    const shared = { stage, storage, lanes, stateMachine, observability };
    const reaper = new Reaper(this, 'Reaper', { ...shared, fleet });
    const ingest = new Ingest(this, 'Ingest', shared);
    const assembly = new Assembly(this, 'Assembly', shared);
    const keeper = new SessionKeeper(this, 'SessionKeeper', shared);
    const api = new ServiceApi(this, 'HttpApi', { stage, identity });
    const calls = { ...shared, api, identity };
    new RecordingApi(this, 'Recording', calls);
    const fileJobs = new FileJobs(this, 'FileJobs', calls);
    new GpuApi(this, 'GpuApi', { ...calls, fleet });
    const site = new WebSite(this, 'Site', { stage, identity, api, audio: storage.bucket, pages });
    const attempts = new WebhookQueue(this, 'WebhookQueue', observability);
    const webhooks = new Webhooks(this, 'Webhooks', { ...calls, attempts });
    const batch = new Batch(this, 'Batch', { ...calls, webhookQueue: attempts.queue });
    new Alarms(this, 'Alarms', shared);
    const functions = {
      ingest: ingest.handler,
      assembly: assembly.handler,
      files: fileJobs.handler,
      webhooks: webhooks.handler,
      batch: batch.runner,
      reaper: reaper.handler,
      fleet: fleetControl,
    };
    new Dashboard(this, 'Dashboard', { ...shared, fleet, functions });
    serviceInfo(this, { stage, api });
    acknowledgeFindings(this);

    const outputs = {
      ApiUrl: api.api.apiEndpoint,
      PagesUrl: site.url,
      PagesTarget: site.target,
      PagesBucketName: site.bucket.bucketName,
      UserPoolId: identity.userPool.userPoolId,
      UserPoolClientId: identity.client.userPoolClientId,
      BucketName: storage.env.BUCKET_NAME,
      SessionsTable: storage.env.SESSIONS_TABLE,
      ChunksTable: storage.env.CHUNKS_TABLE,
      FleetTable: storage.env.FLEET_TABLE,
      LedgerTable: storage.env.LEDGER_TABLE,
      StateMachineArn: stateMachine.stateMachineArn,
      InstanceIds: fleet.instanceIds.join(','),
      FleetControlName: fleetControl.functionName,
      ReaperName: reaper.handler.functionName,
      SettingsTable: storage.env.SETTINGS_TABLE,
      SessionKeeperName: keeper.handler.functionName,
      JobsTable: storage.env.JOBS_TABLE,
      WebhooksTable: storage.env.WEBHOOKS_TABLE,
      WebhookSenderName: webhooks.handler.functionName,
      BatchTable: storage.env.BATCH_TABLE,
      BatchRunnerName: batch.runner.functionName,
      WorkerConfigName: fleet.configName,
      LiveDefault: String(stage.liveDefault),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
