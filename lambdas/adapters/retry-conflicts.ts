/**
 * DynamoDB's answers to a write that met another transaction: `TransactionConflictException`, or a canceled transaction whose
 * reasons are conflicts or throttles. The SDK does not retry them. They say nothing about the write's condition, so adapters
 * must not take them for a failed one.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
 */
import { type DynamoDBClient, TransactionCanceledException, TransactionConflictException } from '@aws-sdk/client-dynamodb';

const FAILED_CONDITION = 'ConditionalCheckFailed';
const PASSING: readonly string[] = [
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
  'InternalServerError',
];

const reasonsOf = (error: TransactionCanceledException): string[] =>
  (error.CancellationReasons ?? []).flatMap(({ Code }) => (Code === undefined || Code === 'None' ? [] : [Code]));

/** Whether a condition of the transaction failed. */
export const isFailedCondition = (error: unknown): boolean =>
  error instanceof TransactionCanceledException && reasonsOf(error).includes(FAILED_CONDITION);

function isPassing(error: unknown): error is Error {
  if (error instanceof TransactionConflictException) return true;
  if (!(error instanceof TransactionCanceledException)) return false;
  const reasons = reasonsOf(error);
  return reasons.length > 0 && reasons.every((reason) => PASSING.includes(reason));
}

/** Lets the client retry conflicts like transient errors: with growing random waits, up to its number of attempts. */
export function retryConflicts(client: DynamoDBClient): DynamoDBClient {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (isPassing(error)) Object.assign(error, { $retryable: { throttling: false } });
        throw error;
      }
    },
    { step: 'deserialize', priority: 'high', name: 'retryConflicts' },
  );
  return client;
}
