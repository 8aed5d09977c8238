/** Pages of the rows of a user in an index, newest first. */
import type { DynamoDBDocumentClient, QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { DomainError } from '../../core/errors.ts';
import type { Page } from '../../core/page.ts';
import { queryPage } from './query-all.ts';

/** A row type, and the attribute that identifies its rows. */
interface Rows<Row> {
  readonly schema: z.ZodType<Row>;
  readonly id: string;
}

/** Key of a row in the index without the user id, so that a cursor can address only the caller's rows. */
const keySchema = (id: string) => z.looseObject({ [id]: z.string().min(1), created_at_ms: z.number().int() });

function keyOf(id: string, row: unknown): Record<string, unknown> {
  const { [id]: name, created_at_ms } = keySchema(id).parse(row);
  return { [id]: name, created_at_ms };
}

const encoded = (key: Record<string, unknown>): string => Buffer.from(JSON.stringify(key)).toString('base64url');

/** @throws DomainError `malformed` */
function decoded(id: string, cursor: string): Record<string, unknown> {
  try {
    return keyOf(id, JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new DomainError('malformed', 'the cursor is invalid', {}, { cause });
  }
}

/**
 * Reads a page of a user's rows. `query` names the table and the index, and may filter.
 * @throws DomainError `malformed` for an invalid cursor
 */
export async function userPage<Row>(
  db: DynamoDBDocumentClient,
  query: QueryCommandInput,
  { schema, id }: Rows<Row>,
  userId: string,
  limit: number,
  cursor: string | undefined,
): Promise<Page<Row>> {
  const { items, next } = await queryPage(
    db,
    {
      ...query,
      KeyConditionExpression: 'user_id = :user',
      ExpressionAttributeValues: { ...query.ExpressionAttributeValues, ':user': userId },
      ScanIndexForward: false,
      ExclusiveStartKey: cursor === undefined ? undefined : { ...decoded(id, cursor), user_id: userId },
    },
    limit,
  );
  return { items: z.array(schema).parse(items), ...(next && { cursor: encoded(keyOf(id, next)) }) };
}
