import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { INDEXES, SessionRow } from '../../core/contracts/rows.ts';
import { DomainError } from '../../core/errors.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';

const NOT_THERE = 'attribute_not_exists(session_id)';
const THERE = 'attribute_exists(session_id)';

/** A cursor is the last key of a page; it names only sessions of the caller, because the user id is not part of it. */
const CursorKey = z.object({ session_id: z.string(), created_at_ms: z.number() });
const encodeCursor = (key: unknown): string => Buffer.from(JSON.stringify(CursorKey.parse(key))).toString('base64url');
function decodeCursor(cursor: string): z.infer<typeof CursorKey> {
  try {
    return CursorKey.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new DomainError('malformed', 'the cursor is not one of ours', {}, { cause });
  }
}

export function dynamoSessionStore(db: DynamoDBDocumentClient, table: string): SessionStore {
  return {
    async create(row) {
      try {
        await db.send(new PutCommand({ TableName: table, Item: row, ConditionExpression: NOT_THERE }));
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },

    async get(sessionId) {
      const { Item } = await db.send(new GetCommand({ TableName: table, Key: { session_id: sessionId }, ConsistentRead: true }));
      return Item === undefined ? undefined : SessionRow.parse(Item);
    },

    async listOf(userId, limit, cursor) {
      const { Items, LastEvaluatedKey } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.sessionsByUser,
          KeyConditionExpression: 'user_id = :user',
          ExpressionAttributeValues: { ':user': userId },
          ScanIndexForward: false,
          Limit: limit,
          ExclusiveStartKey: cursor === undefined ? undefined : { ...decodeCursor(cursor), user_id: userId },
        }),
      );
      const items = z.array(SessionRow).parse(Items ?? []);
      return { items, ...(LastEvaluatedKey && { cursor: encodeCursor(LastEvaluatedKey) }) };
    },

    async complete(sessionId, chunkCount, nowMs) {
      await db.send(
        new UpdateCommand({
          TableName: table,
          Key: { session_id: sessionId },
          UpdateExpression:
            'SET #state = :completed, chunk_count = :count, completed_at_ms = if_not_exists(completed_at_ms, :now)',
          ConditionExpression: THERE,
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':completed': 'completed', ':count': chunkCount, ':now': nowMs },
        }),
      );
    },

    async recordTranscript(sessionId, { status, madeOf, writtenAtMs }) {
      await db.send(
        new UpdateCommand({
          TableName: table,
          Key: { session_id: sessionId },
          UpdateExpression: 'SET transcript_status = :status, transcript_of = :made_of, transcript_written_at_ms = :now',
          ConditionExpression: THERE,
          ExpressionAttributeValues: { ':status': status, ':made_of': madeOf, ':now': writtenAtMs },
        }),
      );
    },
  };
}
