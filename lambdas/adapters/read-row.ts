import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';

type Item = Record<string, unknown>;

/** Reads the item with this key, strongly consistent. */
export const readItem = async (db: DynamoDBDocumentClient, table: string, Key: Item): Promise<Item | undefined> =>
  (await db.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item;

/** Reads and parses the row with this key, strongly consistent; undefined if there is none. */
export async function readRow<Row>(
  db: DynamoDBDocumentClient,
  table: string,
  Key: Item,
  schema: z.ZodType<Row>,
): Promise<Row | undefined> {
  const item = await readItem(db, table, Key);
  return item === undefined ? undefined : schema.parse(item);
}
