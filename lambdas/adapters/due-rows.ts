import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { validRows } from './valid-rows.ts';

/** Rows of a due index whose time has passed, longest overdue first. Rows that do not match the schema are skipped. */
export async function dueRows<Row>(
  db: DynamoDBDocumentClient,
  index: Pick<QueryCommandInput, 'TableName' | 'IndexName'>,
  schema: z.ZodType<Row>,
  nowMs: number,
  limit: number,
): Promise<Row[]> {
  const { Items } = await db.send(
    new QueryCommand({
      ...index,
      KeyConditionExpression: 'due_shard = :due AND due_at_ms <= :now',
      ExpressionAttributeValues: { ':due': 'due', ':now': nowMs },
      Limit: limit,
    }),
  );
  return validRows(schema, Items);
}
