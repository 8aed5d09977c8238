import { Duration } from 'aws-cdk-lib';
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  Metric,
  SingleValueWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { LANES } from '../core/contracts/lanes.ts';
import { METRICS, type Metric as MetricName } from '../core/contracts/metrics.ts';
import { AGENT_NAMESPACE, type GpuFleet } from './gpu-fleet.ts';
import type { Shared } from './shared.ts';

interface DashboardProps extends Shared {
  /** Machines whose utilization is shown. */
  readonly fleet: GpuFleet;
  /** Functions whose errors are shown, by label. */
  readonly functions: Readonly<Record<string, IFunction>>;
}

const WIDTH = 12;
const PERIOD = Duration.minutes(5);
const HOUR = Duration.hours(1);

/** CloudWatch dashboard of machines, queues, runs and costs. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { stage, lanes, stateMachine, observability, fleet, functions } = props;
    const customMetric = (metricName: MetricName, label: string, statistic: string, period = HOUR): IMetric =>
      observability.metric(metricName, { label, statistic, period });
    const graph = (title: string, left: IMetric[], right: IMetric[] = []): GraphWidget =>
      new GraphWidget({ title, left, right, width: WIDTH });
    const perMachine = (namespace: string, metricName: string, label: string): IMetric[] =>
      fleet.instanceIds.map(
        (InstanceId, n) =>
          new Metric({
            namespace,
            metricName,
            dimensionsMap: { InstanceId },
            label: `${label} ${n + 1}`,
            statistic: 'Average',
            period: PERIOD,
          }),
      );

    const dashboard = new CloudWatchDashboard(this, 'Page', { defaultInterval: Duration.days(1) });
    dashboard.addWidgets(
      new SingleValueWidget({
        title: 'Last 24 hours',
        width: 2 * WIDTH,
        metrics: [
          customMetric(METRICS.costToday, 'GPU today, USD', 'Maximum'),
          customMetric(METRICS.batchSucceeded, 'successful batch runs, 24 h', 'Sum', Duration.days(1)),
          customMetric(METRICS.batchFailed, 'failed batch runs, 24 h', 'Sum', Duration.days(1)),
          customMetric(METRICS.deadChunks, 'permanently failed chunks, 24 h', 'Sum', Duration.days(1)),
        ],
      }),
    );
    dashboard.addWidgets(
      // Sent by the agent on the machine; EC2 has no metric of GPU utilization.
      graph('GPU utilization, %', perMachine(AGENT_NAMESPACE, 'nvidia_smi_utilization_gpu', 'machine')),
      graph('CPU utilization, %', perMachine('AWS/EC2', 'CPUUtilization', 'machine')),
    );
    dashboard.addWidgets(
      graph(
        'Queued messages',
        LANES.map((lane) => lanes.queues[lane].metricApproximateNumberOfMessagesVisible({ label: lane, period: PERIOD })),
      ),
      graph(
        'Age of the oldest message, s',
        LANES.map((lane) => lanes.queues[lane].metricApproximateAgeOfOldestMessage({ label: lane, period: PERIOD })),
      ),
    );
    dashboard.addWidgets(
      graph(
        'GPU runs',
        [stateMachine.metricStarted({ period: HOUR }), stateMachine.metricSucceeded({ period: HOUR })],
        [stateMachine.metricFailed({ period: HOUR }), stateMachine.metricAborted({ period: HOUR })],
      ),
      graph('Cost today, USD', [customMetric(METRICS.costToday, 'GPU', 'Maximum'), budgetLine(stage.dailyBudgetUsd)]),
    );
    dashboard.addWidgets(
      graph(
        'Files',
        [customMetric(METRICS.filesCompleted, 'transcribed', 'Sum'), customMetric(METRICS.filesFailed, 'failed', 'Sum')],
        [customMetric(METRICS.stuckJobs, 'stuck', 'Sum'), customMetric(METRICS.itemsFailed, 'failed items', 'Sum')],
      ),
      graph(
        'Processing time per minute of audio, s',
        [customMetric(METRICS.secondsPerAudioMinute, 'files', 'Average')],
        [customMetric(METRICS.workerMemory, 'worker memory, MB', 'Maximum')],
      ),
    );
    dashboard.addWidgets(
      graph(
        'Function errors',
        Object.entries(functions).map(([label, one]) => one.metricErrors({ label, period: PERIOD })),
      ),
      graph(
        'Dead letters',
        lanes.deadLetters.map(({ lane, queue }) =>
          queue.metricApproximateNumberOfMessagesVisible({ label: lane, period: PERIOD }),
        ),
      ),
    );
  }
}

const budgetLine = (usd: number): IMetric => new MathExpression({ expression: String(usd), label: 'budget', period: HOUR });
