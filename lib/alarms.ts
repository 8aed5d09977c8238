import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, type Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { METRICS, type Metric as MetricName } from '../core/contracts/metrics.ts';
import type { Shared } from './shared.ts';

const FIVE_MINUTES = Duration.minutes(5);
const FAILED_PERCENT = 10;
const GPU_SECONDS_PER_BATCH = 30 * 60;
const LIVE_WAIT_SECONDS = 15 * 60;
const BACKLOG_LENGTH = 10_000;

/** Alarms on the lanes, the batch and the cost. Alarms on a single function or queue are defined with it. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { stage, observability, lanes }: Shared) {
    super(scope, id);
    const customMetric = (metricName: MetricName, statistic: string, period = FIVE_MINUTES): Metric =>
      observability.metric(metricName, { statistic, period });

    observability.alarm('FailedChunks', {
      metric: customMetric(METRICS.failedChunksPercent, 'Maximum'),
      description: `More than ${FAILED_PERCENT} % of the chunks of a batch run failed permanently. The report of the run lists them with their reasons.`,
      threshold: FAILED_PERCENT,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    observability.alarm('DeadChunks', {
      metric: customMetric(METRICS.deadChunks, 'Sum'),
      description: 'Chunks of a batch run failed permanently. The report of the run lists them; each can be retried manually.',
      threshold: 1,
    });
    observability.alarm('BatchGpuLong', {
      metric: customMetric(METRICS.batchGpuSeconds, 'Maximum'),
      description:
        'The GPU has run for more than 30 minutes in one batch run. Check whether the number of pending chunks decreases.',
      threshold: GPU_SECONDS_PER_BATCH,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    observability.alarm('StuckJobs', {
      metric: customMetric(METRICS.stuckJobs, 'Sum'),
      description: 'A file job made no progress for half an hour. It was resumed; after eight resumes without effect it fails.',
      threshold: 1,
    });
    observability.alarm('ItemsFailed', {
      metric: customMetric(METRICS.itemsFailed, 'Sum'),
      description:
        'Sessions, files or users could not be processed. They are retried after the others; the log of the function names them.',
      threshold: 1,
    });
    observability.alarm('BatchFailed', {
      metric: customMetric(METRICS.batchFailed, 'Sum'),
      description:
        'A batch run failed or was incomplete. Its report contains the reason; the next run continues with the remaining chunks.',
      threshold: 1,
    });
    observability.alarm('NoBatch', {
      metric: customMetric(METRICS.batchOverdue, 'Maximum'),
      description:
        'No batch run has succeeded for 6 hours: a lock may block the batch, the schedule may be paused, or runs fail.',
      threshold: 1,
    });
    observability.alarm('DailyCost', {
      metric: customMetric(METRICS.costToday, 'Maximum'),
      description: `The GPU has cost more than ${stage.dailyBudgetUsd} USD today (UTC). No machine is started until tomorrow.`,
      threshold: stage.dailyBudgetUsd,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    for (const lane of ['stop', 'live'] as const)
      observability.alarm(lane === 'stop' ? 'StopLaneWaits' : 'LiveLaneWaits', {
        metric: lanes.queues[lane].metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES }),
        description:
          'Chunks of users who are waiting for their text have been queued for 15 minutes. Check whether a machine is running and working.',
        threshold: LIVE_WAIT_SECONDS,
        runbook: 'queues-wait',
      });
    observability.alarm('BacklogLong', {
      metric: lanes.queues.backlog.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
      description: `More than ${BACKLOG_LENGTH} chunks are queued for the batch. The batch transcribes them; check the cost and the time.`,
      threshold: BACKLOG_LENGTH,
      runbook: 'queues-wait',
    });
    for (const { lane, queue } of lanes.deadLetters) observability.deadLettersAlarm(`Lane-${lane}`, queue);
  }
}
