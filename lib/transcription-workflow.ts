import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
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
import { type FleetStep, WORKFLOW_ERRORS } from '../core/contracts/events.ts';

/** `Drain` fails without a heartbeat for this long. A worker sends one at least every 15 s while it makes progress or is idle. */
const HEARTBEAT = Duration.seconds(120);
const LONGEST_DRAIN = Duration.hours(4);
/** Limit of one call of the function, whose own timeout is a minute, or of EC2. */
const STEP_TIMEOUT = Duration.seconds(90);

interface TranscriptionWorkflowProps {
  /** Function that executes the steps of `FleetStep`. */
  readonly fleetControl: IFunction;
  /** Table of the machines; the workflow stores task tokens in it. */
  readonly fleetTable: TableV2;
  /** ARNs of the machines that the workflow may stop. */
  readonly instanceArns: readonly string[];
}

/**
 * The Step Functions workflow of a run: Plan -> for each machine { Start -> AwaitReady -> Drain -> Leave -> Stop ->
 * ConfirmStopped }.
 *
 * - AwaitReady and Drain wait for the worker, which completes them with the task tokens in the machine's token row.
 * - If EC2 has no capacity for a machine, NextMachine replaces it with another one of the pool; without one, the work waits.
 * - Leave decides whether to stop the machine, to keep it for another holder, or to drain again because work was added.
 * - Every error after Plan leads to LeaveFailed, and from there to Stop.
 *
 * Gotcha: no Catch handles an abort, States.Runtime, or a leave that fails permanently. The reaper stops those machines.
 */
export class TranscriptionWorkflow extends Construct {
  /** One execution is one run. */
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: TranscriptionWorkflowProps) {
    super(scope, id);
    const { fleetControl, fleetTable, instanceArns } = props;
    const runId = JsonPath.stringAt('$$.Execution.Name');
    const step = (stepId: string, name: FleetStep['step'], more: Readonly<Record<string, unknown>>, resultPath?: string) =>
      new LambdaInvoke(this, stepId, {
        lambdaFunction: fleetControl,
        payload: TaskInput.fromObject({ step: name, runId, ...more }),
        payloadResponseOnly: true,
        taskTimeout: Timeout.duration(STEP_TIMEOUT),
        ...(resultPath !== undefined && { resultPath }),
      });
    const machine = { instanceId: JsonPath.stringAt('$.instanceId') };

    const plan = step('Plan', 'plan', { stateMachineArn: JsonPath.stringAt('$$.StateMachine.Id') });
    retry(plan, WORKFLOW_ERRORS.draining, 5, 10);

    const start = step('Start', 'start', machine, '$.start');
    retry(start, WORKFLOW_ERRORS.noCapacity, 15, 2);
    retry(start, WORKFLOW_ERRORS.notYetStartable, 15, 20);
    retry(start, Errors.ALL, 15, 4);
    const nextMachine = step('NextMachine', 'next-machine', machine, '$.next');
    const awaitReady = this.await('AwaitReady', 'ready_token', fleetTable, { taskTimeout: Timeout.at('$.start.bootSeconds') });
    const drain = this.await('Drain', 'drain_token', fleetTable, {
      taskTimeout: Timeout.duration(LONGEST_DRAIN),
      heartbeatTimeout: Timeout.duration(HEARTBEAT),
    });
    const leave = step('Leave', 'leave', { ...machine, seenSeq: JsonPath.numberAt('$.drain.seenSeq') }, '$.leave');
    const leaveFailed = step('LeaveFailed', 'leave', { ...machine, error: JsonPath.stringAt('$.error.Error') }, '$.leave');
    const stop = this.stop('Stop', instanceArns);
    const confirmStopped = step('ConfirmStopped', 'confirm-stopped', machine, JsonPath.DISCARD);
    retry(confirmStopped, WORKFLOW_ERRORS.notStopped, 1, 10);

    const left = new Pass(this, 'Left', { parameters: { failed: JsonPath.objectAt('$.leave.failed') } });
    const leftToReaper = new Pass(this, 'LeftToReaper', { parameters: { failed: true } });
    const stopOrKeep = new Choice(this, 'StopOrKeep')
      .when(Condition.stringEquals('$.leave.next', 'wanted-again'), drain)
      .when(Condition.stringEquals('$.leave.next', 'stop'), stop)
      .otherwise(left);

    const deferred = new Pass(this, 'Deferred', { parameters: { failed: false } });
    const takeNext = new Pass(this, 'TakeNext', { parameters: { 'instanceId.$': '$.next.instanceId' } });
    const isThereAnother = new Choice(this, 'IsThereAnother')
      .when(Condition.booleanEquals('$.next.found', true), takeNext.next(start))
      .otherwise(deferred);

    start.addCatch(nextMachine, { errors: [WORKFLOW_ERRORS.noCapacity], resultPath: '$.error' });
    for (const task of [start, nextMachine, awaitReady, drain, leave]) catchAll(task, leaveFailed);
    for (const task of [leaveFailed, stop, confirmStopped]) catchAll(task, leftToReaper);
    start.next(awaitReady).next(drain).next(leave).next(stopOrKeep);
    nextMachine.next(isThereAnother);
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

  /** Stops a machine. Step Functions calls EC2 itself, so it works even if the functions fail. EC2 refuses it in some states. */
  private stop(id: string, instanceArns: readonly string[]): CallAwsService {
    const task = new CallAwsService(this, id, {
      service: 'ec2',
      action: 'stopInstances',
      parameters: { InstanceIds: JsonPath.array(JsonPath.stringAt('$.instanceId')) },
      iamAction: 'ec2:StopInstances',
      iamResources: [...instanceArns],
      taskTimeout: Timeout.duration(STEP_TIMEOUT),
      resultPath: JsonPath.DISCARD,
    });
    retry(task, Errors.ALL, 15, 8);
    return task;
  }

  /** Stores a task token in the machine's token row and waits until the worker completes the task. */
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
}

const catchAll = (task: TaskStateBase, next: Pass | LambdaInvoke): void => {
  task.addCatch(next, { errors: [Errors.ALL], resultPath: '$.error' });
};

/** Retries an error at constant intervals. */
const retry = (task: TaskStateBase, error: string, seconds: number, maxAttempts: number): void => {
  task.addRetry({ errors: [error], interval: Duration.seconds(seconds), maxAttempts, backoffRate: 1 });
};
