import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Outputs } from './stage.ts';

const LINES = 300;
const BACK_MS = 3 * 3_600_000;

/** Newest lines of the log of the stage's workers; the reason if it cannot be read. */
export async function workerLog({ WorkerConfigName }: Outputs): Promise<string[]> {
  try {
    const { Parameter } = await new SSMClient().send(new GetParameterCommand({ Name: WorkerConfigName }));
    const { LOG_GROUP: logGroupName } = JSON.parse(Parameter?.Value ?? '{}');
    const { events = [] } = await new CloudWatchLogsClient().send(
      new FilterLogEventsCommand({ logGroupName, startTime: Date.now() - BACK_MS }),
    );
    return events.slice(-LINES).map(({ message = '' }) => message.trimEnd());
  } catch (error) {
    return [`the log cannot be read: ${(error as Error).message}`];
  }
}
