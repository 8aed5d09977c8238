import { Duration } from 'aws-cdk-lib';
import { Alarm, type ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { StageProps } from './stage.ts';

export interface AlarmProps {
  readonly metric: IMetric;
  /** What it means and what to do first; goes into the e-mail. */
  readonly description: string;
  readonly threshold: number;
  readonly comparison: ComparisonOperator;
  /** @default 1 */
  readonly periods?: number;
  /** @default missing data is fine */
  readonly missing?: TreatMissingData;
}

/** Where alarms go. Anybody of the account may subscribe to the topic; the stage's address is subscribed from the start. */
export class Observability extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Alarms', { enforceSSL: true });
    if (stage.alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(stage.alarmEmail));
  }

  alarm(id: string, { metric, description, threshold, comparison, periods = 1, missing }: AlarmProps): Alarm {
    const alarm = new Alarm(this, id, {
      metric,
      alarmDescription: description,
      threshold,
      comparisonOperator: comparison,
      evaluationPeriods: periods,
      treatMissingData: missing ?? TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    return alarm;
  }
}

export const MINUTE = Duration.minutes(1);
