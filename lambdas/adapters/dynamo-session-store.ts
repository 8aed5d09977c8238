import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { INDEXES, SessionRow } from '../../core/contracts/rows.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { conditional } from './conditional.ts';
import { cursors } from './cursor.ts';
import { queryPage } from './query-all.ts';
import { validRows } from './valid-rows.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(session_id)';
const NOT_DELETED = 'attribute_exists(session_id) AND #state <> :deleted';
const STILL_RECORDING = '#state = :recording AND due_at_ms = :was';
const NEWER_EDITS = `${NOT_DELETED} AND (attribute_not_exists(edits_version) OR edits_version < :version)`;
const STILL_DUE = 'due_at_ms = :was';
const FIRST_RETRANSCRIPTION = '#state = :completed AND attribute_not_exists(retranscription)';
const NEXT_RETRANSCRIPTION = '#state = :completed AND retranscription.#number = :was';
const THIS_RETRANSCRIPTION = '#state = :completed AND retranscription.#number = :number';
/** Until a tombstone expires, requests for the session return `deleted` and late chunks are refused. */
const TOMBSTONE_SECONDS = 90 * 24 * 3600;

const cursor = cursors('session_id');

export function dynamoSessionStore(db: DynamoDBDocumentClient, table: string): SessionStore {
  return {
    async create(row) {
      return conditional(db.send(new PutCommand({ TableName: table, Item: row, ConditionExpression: DOES_NOT_EXIST })));
    },

    async get(sessionId) {
      const { Item } = await db.send(new GetCommand({ TableName: table, Key: { session_id: sessionId }, ConsistentRead: true }));
      return Item === undefined ? undefined : SessionRow.parse(Item);
    },

    async listOf(userId, limit, after) {
      const { items, next } = await queryPage(
        db,
        {
          TableName: table,
          IndexName: INDEXES.sessionsByUser,
          KeyConditionExpression: 'user_id = :user',
          ExpressionAttributeValues: { ':user': userId, ':deleted': 'deleted' },
          FilterExpression: '#state <> :deleted',
          ExpressionAttributeNames: { '#state': 'state' },
          ScanIndexForward: false,
          ExclusiveStartKey: after === undefined ? undefined : { ...cursor.decode(after), user_id: userId },
        },
        limit,
      );
      return { items: z.array(SessionRow).parse(items), ...(next && { cursor: cursor.encode(next) }) };
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
            ConditionExpression: NOT_DELETED,
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

    recordTranscript: (sessionId, { status, madeOf, writtenAtMs, retranscription }) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id: sessionId },
            UpdateExpression:
              'SET transcript_status = :status, transcript_of = :made_of, transcript_written_at_ms = :now' +
              (retranscription === undefined ? '' : ', transcript_retranscription = :retranscription'),
            ConditionExpression: NOT_DELETED,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':status': status,
              ':made_of': madeOf,
              ':now': writtenAtMs,
              ':deleted': 'deleted',
              ...(retranscription !== undefined && { ':retranscription': retranscription }),
            },
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
      return validRows(SessionRow, Items);
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

    retranscribe({ session_id, retranscription }, { language, model, nowMs, dueAtMs }) {
      const was = retranscription?.number;
      const set = { language, model };
      const names = Object.keys(set) as (keyof typeof set)[];
      const given = names.filter((name) => set[name] !== undefined);
      const absent = names.filter((name) => set[name] === undefined);
      return conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id },
            UpdateExpression:
              `SET retranscription = :again, due_shard = :due, due_at_ms = :at${given.map((name) => `, #${name} = :${name}`).join('')}` +
              ` REMOVE ${['detected_language', ...absent.map((name) => `#${name}`)].join(', ')}`,
            ConditionExpression: was === undefined ? FIRST_RETRANSCRIPTION : NEXT_RETRANSCRIPTION,
            ExpressionAttributeNames: {
              '#state': 'state',
              ...(was !== undefined && { '#number': 'number' }),
              ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
            },
            ExpressionAttributeValues: {
              ':completed': 'completed',
              ':again': { number: (was ?? 0) + 1, requested_at_ms: nowMs, is_queued: false },
              ':due': 'due',
              ':at': dueAtMs,
              ...(was !== undefined && { ':was': was }),
              ...Object.fromEntries(given.map((name) => [`:${name}`, set[name]])),
            },
          }),
        ),
      );
    },

    async noteRequeued({ session_id, retranscription }) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id },
            UpdateExpression: 'SET retranscription.is_queued = :yes REMOVE due_shard, due_at_ms',
            ConditionExpression: THIS_RETRANSCRIPTION,
            ExpressionAttributeNames: { '#state': 'state', '#number': 'number' },
            ExpressionAttributeValues: { ':completed': 'completed', ':number': retranscription?.number ?? 0, ':yes': true },
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
