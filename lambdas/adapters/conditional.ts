import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  PutCommand,
  type PutCommandInput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { isFailedCondition } from './retry-conflicts.ts';

/** Returns true when the write succeeded, false when its condition failed. */
export async function conditional(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** Puts an item on a condition. Returns whether the condition was met. */
export const putIf = (db: DynamoDBDocumentClient, put: PutCommandInput): Promise<boolean> =>
  conditional(db.send(new PutCommand(put)));

/** Changes rows of a table on conditions. The returned function returns whether the condition was met. */
export const updaterOf =
  <Row>(db: DynamoDBDocumentClient, table: string, keyOf: (row: Row) => Record<string, unknown>) =>
  (row: Row, change: Omit<UpdateCommandInput, 'TableName' | 'Key'>): Promise<boolean> =>
    conditional(db.send(new UpdateCommand({ TableName: table, Key: keyOf(row), ...change })));

/** Writes items in one transaction. `conflict`: one of its conditions was not met. */
export async function transact(
  db: DynamoDBDocumentClient,
  TransactItems: TransactWriteCommandInput['TransactItems'],
): Promise<'committed' | 'conflict'> {
  try {
    await db.send(new TransactWriteCommand({ TransactItems }));
    return 'committed';
  } catch (error) {
    if (isFailedCondition(error)) return 'conflict';
    throw error;
  }
}

/** Puts an item that must not exist. Returns the item that made the condition fail, or undefined when the put succeeded. */
export async function putNew(db: DynamoDBDocumentClient, put: PutCommandInput): Promise<Record<string, unknown> | undefined> {
  try {
    await db.send(new PutCommand({ ...put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    return unmarshall(error.Item);
  }
}
