import { ArnFormat, CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { acknowledgeFindings } from './acknowledgements.ts';
import { Assembly } from './assembly.ts';
import { GpuFleet } from './gpu-fleet.ts';
import { ServiceApi } from './http-api.ts';
import { Identity } from './identity.ts';
import { Ingest } from './ingest.ts';
import { LaneQueues } from './lane-queues.ts';
import { RecordingApi } from './recording-api.ts';
import { serviceFunction } from './service-function.ts';
import type { StageProps } from './stage.ts';
import { Storage } from './storage.ts';
import { TranscriptionWorkflow } from './transcription-workflow.ts';

export interface ChunkscribeStackProps extends StackProps {
  readonly stage: StageProps;
}

/** One stage of the product; each capability is a construct of its own. */
export class ChunkscribeStack extends Stack {
  constructor(scope: Construct, id: string, { stage, ...props }: ChunkscribeStackProps) {
    super(scope, id, { ...props, terminationProtection: stage.retainData, description: 'Chunkscribe: recordings to text' });
    const storage = new Storage(this, 'Storage', stage);
    const identity = new Identity(this, 'Identity', stage);
    const lanes = new LaneQueues(this, 'Lanes');
    const names = {
      BUCKET_NAME: storage.bucket.bucketName,
      SESSIONS_TABLE: storage.sessions.tableName,
      CHUNKS_TABLE: storage.chunks.tableName,
      FLEET_TABLE: storage.fleet.tableName,
      ...lanes.env,
    };

    const { instance, role, configName } = new GpuFleet(this, 'Fleet', {
      stage,
      workerEnv: {
        BUCKET_NAME: names.BUCKET_NAME,
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        FLEET_TABLE: names.FLEET_TABLE,
        LEDGER_TABLE: storage.ledger.tableName,
        ...lanes.env,
      },
    });
    const instanceArn = this.formatArn({
      service: 'ec2',
      resource: 'instance',
      resourceName: instance.instanceId,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });

    const fleetControl = serviceFunction(this, 'FleetControl', {
      folder: 'fleet-control',
      env: { FLEET_TABLE: names.FLEET_TABLE, INSTANCE_IDS: instance.instanceId },
      timeout: Duration.minutes(1),
    });
    const { stateMachine } = new TranscriptionWorkflow(this, 'Workflow', {
      fleetControl,
      fleet: storage.fleet,
      instance,
      instanceArn,
    });

    const reaper = serviceFunction(this, 'Reaper', {
      folder: 'reaper',
      env: {
        CHUNKS_TABLE: names.CHUNKS_TABLE,
        FLEET_TABLE: names.FLEET_TABLE,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        INSTANCE_IDS: instance.instanceId,
        ...lanes.env,
      },
      timeout: Duration.seconds(50),
    });
    new Rule(this, 'EveryMinute', { schedule: Schedule.rate(Duration.minutes(1)), targets: [new LambdaFunction(reaper)] });
    new Rule(this, 'RunEnded', {
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets: [new LambdaFunction(reaper)],
    });

    // Stopped: the next run may join at once. Running: a stop that was decided meanwhile is made at once.
    new Rule(this, 'MachineChanged', {
      eventPattern: {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification'],
        detail: { 'instance-id': [instance.instanceId], state: ['running', 'stopped'] },
      },
      targets: [new LambdaFunction(reaper)],
    });

    const shared = { storage, lanes, names, stateMachine };
    new Ingest(this, 'Ingest', shared);
    new Assembly(this, 'Assembly', shared);
    const api = new ServiceApi(this, 'HttpApi', { stage, identity });
    new RecordingApi(this, 'Recording', { ...shared, api, identity });
    api.servePublic(
      serviceFunction(this, 'ServiceInfo', { folder: 'service-info', env: { STAGE: stage.name } }),
      'GET /api/health',
    );

    const describe = new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] });
    for (const controller of [fleetControl, reaper]) {
      storage.fleet.grant(controller, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
      controller.addToRolePolicy(describe);
    }
    storage.chunks.grant(reaper, 'dynamodb:Query', 'dynamodb:UpdateItem');
    lanes.grantSend(reaper);
    stateMachine.grantStartExecution(reaper);
    stateMachine.grantExecution(reaper, 'states:DescribeExecution');
    reaper.addToRolePolicy(new PolicyStatement({ actions: ['ec2:StopInstances'], resources: [instanceArn] }));

    storage.grantObjects(role, 's3:GetObject', 's3:PutObject');
    storage.grantList(role);
    storage.chunks.grant(role, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    storage.ledger.grant(role, 'dynamodb:PutItem');
    storage.fleet.grant(role, 'dynamodb:GetItem');
    lanes.grantConsume(role);
    // A policy of its own: the machine waits for its role's default policy, and the workflow names the machine.
    new Policy(this, 'WorkerAnswersRuns', {
      roles: [role],
      statements: [
        new PolicyStatement({
          actions: ['states:SendTaskSuccess', 'states:SendTaskFailure', 'states:SendTaskHeartbeat'],
          resources: [stateMachine.stateMachineArn],
        }),
      ],
    });

    acknowledgeFindings(this);

    new CfnOutput(this, 'ApiUrl', { value: api.api.apiEndpoint });
    new CfnOutput(this, 'UserPoolId', { value: identity.userPool.userPoolId });
    new CfnOutput(this, 'UserPoolClientId', { value: identity.client.userPoolClientId });
    new CfnOutput(this, 'BucketName', { value: names.BUCKET_NAME });
    new CfnOutput(this, 'SessionsTable', { value: names.SESSIONS_TABLE });
    new CfnOutput(this, 'ChunksTable', { value: names.CHUNKS_TABLE });
    new CfnOutput(this, 'FleetTable', { value: names.FLEET_TABLE });
    new CfnOutput(this, 'LedgerTable', { value: storage.ledger.tableName });
    new CfnOutput(this, 'StateMachineArn', { value: stateMachine.stateMachineArn });
    new CfnOutput(this, 'InstanceId', { value: instance.instanceId });
    new CfnOutput(this, 'FleetControlName', { value: fleetControl.functionName });
    new CfnOutput(this, 'ReaperName', { value: reaper.functionName });
    new CfnOutput(this, 'WorkerConfigName', { value: configName });
  }
}
