import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { METRICS, METRICS_NAMESPACE, type Metric as MetricName } from '../core/contracts/metrics.ts';
import type { LaneQueues } from './lane-queues.ts';
import type { Observability } from './observability.ts';
import type { StageProps } from './stage.ts';

export interface AlarmsProps {
  readonly stage: StageProps;
  readonly observability: Observability;
  readonly lanes: LaneQueues;
  /** Where events end that failed for good, by what they were for. */
  readonly deadLetters: Readonly<Record<'ingest' | 'assembly' | 'fileJobs' | 'webhooks' | 'webhookAttempts', Queue>>;
}

const FIVE_MINUTES = Duration.minutes(5);
const FAILED_PERCENT = 10;
const GPU_SECONDS_PER_BATCH = 30 * 60;
const LIVE_WAIT_SECONDS = 15 * 60;
const BACKLOG_LENGTH = 10_000;

/** Alarms that are about the work and its cost; those about one function stand beside it. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, { stage, observability, lanes, deadLetters }: AlarmsProps) {
    super(scope, id);
    const ours = (metricName: MetricName, statistic: string, period = FIVE_MINUTES): Metric =>
      new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap: { Stage: stage.name }, statistic, period });

    observability.alarm('FailedChunks', {
      metric: ours(METRICS.failedChunksPercent, 'Maximum'),
      description: `More than ${FAILED_PERCENT} % of the chunks of a batch run could not be transcribed. Its report lists them with their reasons.`,
      threshold: FAILED_PERCENT,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    observability.alarm('DeadChunks', {
      metric: ours(METRICS.deadChunks, 'Sum'),
      description: 'Chunks are dead after three attempts. The report of the batch lists them; each can be retried by hand.',
      threshold: 1,
    });
    observability.alarm('BatchGpuLong', {
      metric: ours(METRICS.batchGpuSeconds, 'Maximum'),
      description:
        'The GPU has run for more than 30 minutes in one batch run. Look at what is pending, and whether it grows less.',
      threshold: GPU_SECONDS_PER_BATCH,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    observability.alarm('StuckJobs', {
      metric: ours(METRICS.stuckJobs, 'Sum'),
      description:
        'Nothing had moved of a file for half an hour. It was resumed; after eight times without any effect it fails with its reason.',
      threshold: 1,
    });
    observability.alarm('BatchFailed', {
      metric: ours(METRICS.batchFailed, 'Sum'),
      description: 'A batch run failed, or left something undone. Its report says why; the next run goes on with what is left.',
      threshold: 1,
    });
    observability.alarm('NoBatch', {
      metric: ours(METRICS.batchSucceeded, 'Sum', Duration.hours(6)),
      description:
        'No batch run has come to a good end for 6 hours: a lock may hold it back, the schedule may be paused, or runs fail.',
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      missing: TreatMissingData.BREACHING,
    });
    observability.alarm('DailyCost', {
      metric: ours(METRICS.costToday, 'Maximum'),
      description: `The GPU has cost more than ${stage.dailyBudgetUsd} USD today (UTC): no machine is started any more until tomorrow.`,
      threshold: stage.dailyBudgetUsd,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
    for (const lane of ['stop', 'live'] as const)
      observability.alarm(lane === 'stop' ? 'StopLaneWaits' : 'LiveLaneWaits', {
        metric: lanes.queues[lane].metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES }),
        description:
          'Chunks of users who wait for their text have not been taken up for 15 minutes. Is a machine running, and does it work?',
        threshold: LIVE_WAIT_SECONDS,
        runbook: 'queues-wait',
      });
    observability.alarm('BacklogLong', {
      metric: lanes.queues.backlog.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
      description: `More than ${BACKLOG_LENGTH} chunks wait for the batch. It works them off; look at cost and time.`,
      threshold: BACKLOG_LENGTH,
      runbook: 'queues-wait',
    });
    const dead = [
      ...lanes.deadLetters.map(({ lane, queue }) => ({ name: `Lane-${lane}`, queue })),
      { name: 'Ingest', queue: deadLetters.ingest },
      { name: 'Assembly', queue: deadLetters.assembly },
      { name: 'FileJobs', queue: deadLetters.fileJobs },
      { name: 'Webhooks', queue: deadLetters.webhooks },
      { name: 'WebhookAttempts', queue: deadLetters.webhookAttempts },
    ];
    for (const { name, queue } of dead)
      observability.alarm(`DeadLetters-${name}`, {
        metric: queue.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
        description: `Messages failed for good (${name}). Nothing is lost: the batch finds the chunks. Look at one to see why, then purge the queue.`,
        threshold: 1,
        runbook: 'dead-letters',
      });
  }
}
