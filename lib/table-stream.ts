import { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { FilterCriteria, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';

/** Highest parallelization factor that AWS allows. */
const BATCHES_AT_ONCE = 10;
const RECORDS_AT_ONCE = 25;
const RETRIES = 10;
const OLDEST = Duration.hours(6);

/**
 * Event source for the stream of a table. Batches of different partition keys run at the same time, those of one key in order. A
 * failing batch is split until only the failing record is left, which is sent to `failed` after its retries.
 *
 * Gotcha: the streams contain new images only, and DynamoDB cannot change the view type of an existing stream. So handlers must
 * recognize from the new image alone what has changed.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
 */
export const tableStream = (table: ITable, failed: Queue, pattern: object): DynamoEventSource =>
  new DynamoEventSource(table, {
    startingPosition: StartingPosition.TRIM_HORIZON,
    batchSize: RECORDS_AT_ONCE,
    parallelizationFactor: BATCHES_AT_ONCE,
    bisectBatchOnError: true,
    retryAttempts: RETRIES,
    maxRecordAge: OLDEST,
    onFailure: new SqsDlq(failed),
    filters: [FilterCriteria.filter({ dynamodb: pattern })],
  });
