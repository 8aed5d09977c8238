import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Instance } from 'aws-cdk-lib/aws-ec2';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  IntegrationPattern,
  JsonPath,
  LogLevel,
  Map as MapState,
  Pass,
  StateMachine,
  Succeed,
  TaskInput,
  type TaskStateBase,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { CallAwsService, LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { WORKFLOW_ERRORS } from '../core/contracts/events.ts';

/** Boot, drivers and a first download of the model; a machine that is not ready by then is stopped. */
const BOOT_DEADLINE = Duration.minutes(10);
/** A worker says something at least every quarter of a minute while it works or is truly idle. */
const HEARTBEAT = Duration.seconds(120);
const LONGEST_DRAIN = Duration.hours(4);

export interface TranscriptionWorkflowProps {
  /** Decides who holds the machine: steps plan, leave, confirm-stopped. */
  readonly fleetControl: IFunction;
  readonly fleet: TableV2;
  readonly instance: Instance;
  readonly instanceArn: string;
}

/**
 * One run of the GPU: Plan -> for each machine { Start -> AwaitReady -> Drain -> Leave -> Stop -> ConfirmStopped }.
 *
 * The worker answers the two waiting states through the tokens in the machine's row. Every error after Plan leads to
 * LeaveFailed and on to Stop. What no Catch can see (abort, States.Runtime, a leave that fails for good) is the reaper's.
 */
export class TranscriptionWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: TranscriptionWorkflowProps) {
    super(scope, id);
    const { fleetControl } = props;
    const runId = JsonPath.stringAt('$$.Execution.Name');
    const instanceId = JsonPath.stringAt('$.instanceId');

    const plan = new LambdaInvoke(this, 'Plan', {
      lambdaFunction: fleetControl,
      payload: TaskInput.fromObject({ step: 'plan', runId }),
      payloadResponseOnly: true,
      taskTimeout: Timeout.duration(Duration.seconds(60)),
    });
    plan.addRetry({ errors: [WORKFLOW_ERRORS.draining], interval: Duration.seconds(10), maxAttempts: 60, backoffRate: 1 });

    const start = this.ec2('Start', 'startInstances', props);
    const awaitReady = this.await('AwaitReady', 'ready_token', props.fleet, { taskTimeout: Timeout.duration(BOOT_DEADLINE) });
    const drain = this.await('Drain', 'drain_token', props.fleet, {
      taskTimeout: Timeout.duration(LONGEST_DRAIN),
      heartbeatTimeout: Timeout.duration(HEARTBEAT),
    });
    const leave = this.leave('Leave', fleetControl, { seenSeq: JsonPath.numberAt('$.drain.seenSeq') });
    const leaveFailed = this.leave('LeaveFailed', fleetControl, { error: JsonPath.stringAt('$.error.Error') });
    const stop = this.ec2('Stop', 'stopInstances', props);
    const confirmStopped = new LambdaInvoke(this, 'ConfirmStopped', {
      lambdaFunction: fleetControl,
      payload: TaskInput.fromObject({ step: 'confirm-stopped', runId, instanceId }),
      payloadResponseOnly: true,
      taskTimeout: Timeout.duration(Duration.seconds(90)),
      resultPath: JsonPath.DISCARD,
    });
    confirmStopped.addRetry({
      errors: [WORKFLOW_ERRORS.notStopped],
      interval: Duration.seconds(1),
      maxAttempts: 10,
      backoffRate: 1,
    });

    const left = new Pass(this, 'Left', { parameters: { failed: JsonPath.objectAt('$.leave.failed') } });
    const leftToReaper = new Pass(this, 'LeftToReaper', { parameters: { failed: true } });
    const stopOrKeep = new Choice(this, 'StopOrKeep')
      .when(Condition.stringEquals('$.leave.next', 'wanted-again'), drain)
      .when(Condition.stringEquals('$.leave.next', 'stop'), stop)
      .otherwise(left);

    for (const task of [start, awaitReady, drain, leave]) catchAll(task, leaveFailed);
    for (const task of [leaveFailed, stop, confirmStopped]) catchAll(task, leftToReaper);
    start.next(awaitReady).next(drain).next(leave).next(stopOrKeep);
    leaveFailed.next(stopOrKeep);
    stop.next(confirmStopped).next(left);

    const machines = new MapState(this, 'Machines', {
      itemsPath: '$.instances',
      itemSelector: { instanceId: JsonPath.stringAt('$$.Map.Item.Value.instanceId') },
      resultSelector: { 'anyFailed.$': 'States.ArrayContains($[*].failed, true)' },
    }).itemProcessor(start);
    const end = new Choice(this, 'AnyFailed')
      .when(Condition.booleanEquals('$.anyFailed', true), new Fail(this, 'RunFailed', { error: 'RunFailed' }))
      .otherwise(new Succeed(this, 'RunDone'));

    this.stateMachine = new StateMachine(this, 'Run', {
      definitionBody: DefinitionBody.fromChainable(plan.next(machines).next(end)),
      timeout: Duration.hours(5),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY }),
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
    });
  }

  /** EC2 refuses by state and by capacity; both pass, so the same call is tried for two minutes. */
  private ec2(
    id: string,
    action: 'startInstances' | 'stopInstances',
    { instanceArn }: TranscriptionWorkflowProps,
  ): CallAwsService {
    const task = new CallAwsService(this, id, {
      service: 'ec2',
      action,
      parameters: { InstanceIds: JsonPath.array(JsonPath.stringAt('$.instanceId')) },
      iamAction: action === 'startInstances' ? 'ec2:StartInstances' : 'ec2:StopInstances',
      iamResources: [instanceArn],
      taskTimeout: Timeout.duration(Duration.seconds(60)),
      resultPath: JsonPath.DISCARD,
    });
    task.addRetry({ errors: [Errors.ALL], interval: Duration.seconds(15), maxAttempts: 8, backoffRate: 1 });
    return task;
  }

  /** Puts a task token where the worker finds it, and waits for the worker's answer. */
  private await(
    id: string,
    attribute: 'ready_token' | 'drain_token',
    table: TableV2,
    timeouts: { readonly taskTimeout: Timeout; readonly heartbeatTimeout?: Timeout },
  ): CallAwsService {
    const other = attribute === 'ready_token' ? 'drain_token' : 'ready_token';
    return new CallAwsService(this, id, {
      service: 'dynamodb',
      action: 'updateItem',
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      parameters: {
        TableName: table.tableName,
        Key: { id: { S: JsonPath.format('tokens#{}', JsonPath.stringAt('$.instanceId')) } },
        UpdateExpression: `SET ${attribute} = :token, run_id = :run REMOVE ${other}`,
        ExpressionAttributeValues: { ':token': { S: JsonPath.taskToken }, ':run': { S: JsonPath.stringAt('$$.Execution.Name') } },
      },
      iamAction: 'dynamodb:UpdateItem',
      iamResources: [table.tableArn],
      resultPath: attribute === 'drain_token' ? '$.drain' : JsonPath.DISCARD,
      ...timeouts,
    });
  }

  private leave(id: string, lambdaFunction: IFunction, more: Readonly<Record<string, unknown>>): LambdaInvoke {
    return new LambdaInvoke(this, id, {
      lambdaFunction,
      payload: TaskInput.fromObject({
        step: 'leave',
        runId: JsonPath.stringAt('$$.Execution.Name'),
        instanceId: JsonPath.stringAt('$.instanceId'),
        ...more,
      }),
      payloadResponseOnly: true,
      taskTimeout: Timeout.duration(Duration.seconds(60)),
      resultPath: '$.leave',
    });
  }
}

const catchAll = (task: TaskStateBase, next: Pass | LambdaInvoke): void => {
  task.addCatch(next, { errors: [Errors.ALL], resultPath: '$.error' });
};
