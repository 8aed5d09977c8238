import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { METRICS_NAMESPACE } from '../core/contracts/metrics.ts';
import type { StageProps } from './stage.ts';

export interface AlarmProps {
  readonly metric: IMetric;
  /** Meaning and first step; part of the e-mail. */
  readonly description: string;
  readonly threshold: number;
  /** @default greater than or equal to the threshold */
  readonly comparison?: ComparisonOperator;
  /** @default 1 */
  readonly periods?: number;
  /** @default missing data does not breach */
  readonly missing?: TreatMissingData;
  /** Section of docs/runbook.md. @default the alarm's id with hyphens */
  readonly runbook?: string;
}

const RUNBOOK = 'docs/runbook.md';
const hyphenated = (id: string): string => id.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();

/** Topic of the alarms. The stage's `alarmEmail` is subscribed; further subscriptions can be added to the topic. */
export class Observability extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Alarms', { enforceSSL: true });
    if (stage.alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(stage.alarmEmail));
  }

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

export const MINUTE = Duration.minutes(1);
