import { type CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { METRICS_NAMESPACE, type Metric } from '../../core/contracts/metrics.ts';

/** Publishes custom metrics. Most are published only on failures, so a healthy stage pays for few of them. */
export const cloudWatchMetrics =
  (cloudWatch: CloudWatchClient, stage: string) =>
  async (values: Readonly<Partial<Record<Metric, number>>>): Promise<void> => {
    const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
      MetricName,
      Value,
      Dimensions: [{ Name: 'Stage', Value: stage }],
    }));
    if (MetricData.length > 0) await cloudWatch.send(new PutMetricDataCommand({ Namespace: METRICS_NAMESPACE, MetricData }));
  };
