import { type CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { METRICS_NAMESPACE, type Metric } from '../../core/contracts/metrics.ts';

/** Counts one. Only trouble is counted, so that a stage in which all is well pays for no metric. */
export const cloudWatchMetric = (cloudWatch: CloudWatchClient, stage: string, name: Metric) => async (): Promise<void> => {
  await cloudWatch.send(
    new PutMetricDataCommand({
      Namespace: METRICS_NAMESPACE,
      MetricData: [{ MetricName: name, Value: 1, Unit: 'Count', Dimensions: [{ Name: 'Stage', Value: stage }] }],
    }),
  );
};
