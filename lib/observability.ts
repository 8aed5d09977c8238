import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Metric,
  type MetricOptions,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { METRICS_NAMESPACE, type Metric as MetricName } from '../core/contracts/metrics.ts';
import type { StageProps } from './stage.ts';

interface AlarmProps {
  /** Metric that is compared with the threshold. */
  readonly metric: IMetric;
  /** Meaning and first step; part of the e-mail. */
  readonly description: string;
  /** Value in the metric's own unit. */
  readonly threshold: number;
  /** How the metric is compared with the threshold. @default greater than or equal to the threshold */
  readonly comparison?: ComparisonOperator;
  /** Consecutive periods of the metric that must breach. @default 1 */
  readonly periods?: number;
  /** How periods without data count. @default missing data does not breach */
  readonly missing?: TreatMissingData;
  /** Section of docs/runbook.md. @default the alarm's id with hyphens */
  readonly runbook?: string;
}

const RUNBOOK = 'docs/runbook.md';
const hyphenated = (id: string): string => id.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();

/** Metrics, alarms and their topic. The stage's `alarmEmail` is subscribed; further subscriptions can be added to the topic. */
export class Observability extends Construct {
  /** Topic that all alarms send to. */
  private readonly topic: Topic;
  private readonly stageName: string;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    this.stageName = stage.name;
    this.topic = new Topic(this, 'Alarms', { enforceSSL: true });
    if (stage.alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(stage.alarmEmail));
  }

  /** Metric that the functions of the stage publish. */
  metric(metricName: MetricName, options: MetricOptions): Metric {
    return new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap: { Stage: this.stageName }, ...options });
  }

  /** Creates an alarm that sends to the topic. */
  alarm(id: string, { metric, description, threshold, comparison, periods = 1, missing, runbook }: AlarmProps): Alarm {
    const alarm = new Alarm(this, id, {
      metric,
      alarmDescription: `${description} What to do: ${RUNBOOK}#${runbook ?? hyphenated(id)}`,
      threshold,
      comparisonOperator: comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    return alarm;
  }

  /** Creates an alarm on a queue of events or messages that failed permanently. `name` is the source of the messages. */
  deadLettersAlarm(name: string, queue: IQueue): void {
    this.alarm(`DeadLetters-${name}`, {
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      description: `Messages failed permanently (${name}). No recording is lost: the batch finds its chunks. Inspect a message to find the cause, then purge the queue.`,
      threshold: 1,
      runbook: 'dead-letters',
    });
  }
}

/** Allows a function to publish metrics in the product's namespace only. */
export function grantMetrics(handler: IFunction): void {
  handler.addToRolePolicy(
    new PolicyStatement({
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': METRICS_NAMESPACE } },
    }),
  );
}

/** Interval of the functions that look for waiting work. */
export const MINUTE = Duration.minutes(1);
