import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { INDEXES, SessionRow } from '../../core/contracts/rows.ts';
import { DomainError } from '../../core/errors.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { conditional } from './conditional.ts';

const NOT_THERE = 'attribute_not_exists(session_id)';
const ALIVE = 'attribute_exists(session_id) AND #state <> :deleted';
const STILL_RECORDING = '#state = :recording AND due_at_ms = :was';
const NEWER_EDITS = `${ALIVE} AND (attribute_not_exists(edits_version) OR edits_version < :version)`;
const STILL_DUE = 'due_at_ms = :was';
/** A tombstone stays for as long as anybody may still ask for the session, or send a chunk of it. */
const TOMBSTONE_SECONDS = 90 * 24 * 3600;

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
          ExpressionAttributeValues: { ':user': userId, ':deleted': 'deleted' },
          FilterExpression: '#state <> :deleted',
          ExpressionAttributeNames: { '#state': 'state' },
          ScanIndexForward: false,
          Limit: limit,
          ExclusiveStartKey: cursor === undefined ? undefined : { ...decodeCursor(cursor), user_id: userId },
        }),
      );
      const items = z.array(SessionRow).parse(Items ?? []);
      return { items, ...(LastEvaluatedKey && { cursor: encodeCursor(LastEvaluatedKey) }) };
    },

    complete: (sessionId, chunkCount, nowMs) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id: sessionId },
            UpdateExpression:
              'SET #state = :completed, chunk_count = :count, completed_at_ms = if_not_exists(completed_at_ms, :now)' +
              ' REMOVE due_shard, due_at_ms, abandoned',
            ConditionExpression: ALIVE,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':completed': 'completed',
              ':count': chunkCount,
              ':now': nowMs,
              ':deleted': 'deleted',
            },
          }),
        ),
      ),

    recordTranscript: (sessionId, { status, madeOf, writtenAtMs }) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id: sessionId },
            UpdateExpression: 'SET transcript_status = :status, transcript_of = :made_of, transcript_written_at_ms = :now',
            ConditionExpression: ALIVE,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':status': status, ':made_of': madeOf, ':now': writtenAtMs, ':deleted': 'deleted' },
          }),
        ),
      ),

    async noteEdits(sessionId, version) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id: sessionId },
            UpdateExpression: 'SET edits_version = :version',
            ConditionExpression: NEWER_EDITS,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':version': version, ':deleted': 'deleted' },
          }),
        ),
      );
    },

    async markDeleted({ session_id, user_id, live, created_at_ms }, nowMs, purgeAgainAtMs) {
      const tombstone: SessionRow = {
        session_id,
        user_id,
        live,
        created_at_ms,
        state: 'deleted',
        deleted_at_ms: nowMs,
        due_shard: 'due',
        due_at_ms: purgeAgainAtMs,
      };
      const expires_at_s = Math.floor(nowMs / 1000) + TOMBSTONE_SECONDS;
      await db.send(new PutCommand({ TableName: table, Item: { ...tombstone, expires_at_s } }));
    },

    async listDue(nowMs, limit) {
      const { Items } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.sessionsDue,
          KeyConditionExpression: 'due_shard = :due AND due_at_ms <= :now',
          ExpressionAttributeValues: { ':due': 'due', ':now': nowMs },
          Limit: limit,
        }),
      );
      return z.array(SessionRow).parse(Items ?? []);
    },

    async setDue({ session_id, due_at_ms }, dueAtMs) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id },
            UpdateExpression: dueAtMs === undefined ? 'REMOVE due_shard, due_at_ms' : 'SET due_at_ms = :due',
            ConditionExpression: STILL_DUE,
            ExpressionAttributeValues: { ':was': due_at_ms, ...(dueAtMs !== undefined && { ':due': dueAtMs }) },
          }),
        ),
      );
    },

    closeAbandoned: ({ session_id, due_at_ms }, chunkCount, nowMs) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id },
            UpdateExpression:
              'SET #state = :completed, chunk_count = :count, completed_at_ms = :now, abandoned = :yes REMOVE due_shard, due_at_ms',
            ConditionExpression: STILL_RECORDING,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':completed': 'completed',
              ':recording': 'recording',
              ':was': due_at_ms,
              ':count': chunkCount,
              ':now': nowMs,
              ':yes': true,
            },
          }),
        ),
      ),
  };
}
