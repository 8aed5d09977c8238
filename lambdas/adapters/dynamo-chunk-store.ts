import {
  BatchGetCommand,
  type BatchGetCommandOutput,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { formerOf } from '../../core/chunk-cache/former.ts';
import { pendingShard } from '../../core/chunk-cache/ingest.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { PENDING_SHARDS } from '../../core/contracts/limits.ts';
import { ChunkRow, INDEXES } from '../../core/contracts/rows.ts';
import { conditional, putNew } from './conditional.ts';
import { queryAll } from './query-all.ts';
import { validRows } from './valid-rows.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(session_id)';
const SAME_BYTES_AND_FENCE = 'fence = :fence AND etag = :etag';
const NOT_DONE = '#state <> :done';
const STILL_PENDING = '#state = :pending';
const STILL_DEAD = '#state = :dead AND fence = :fence AND etag = :etag';
const STILL_UNCHANGED = '#state = :was AND fence = :fence AND etag = :etag';
const STILL_SAME_RESULT = '#state = :done AND fence = :fence AND etag = :etag';
const SHARDS = Array.from({ length: PENDING_SHARDS }, (_, index) => `pending-${index}`);
const STILL_UNFINISHED = '#state IN (:pending, :leased)';
const DELETES_AT_ONCE = 25;
/** Limit of BatchGetItem. */
const GETS_AT_ONCE = 100;

export function dynamoChunkStore(db: DynamoDBDocumentClient, table: string): ChunkStore {
  const keyOf = (row: Pick<ChunkRow, 'session_id' | 'chunk_number'>) => ({
    session_id: row.session_id,
    chunk_number: row.chunk_number,
  });

  const inShard = (shard: string) => ({
    TableName: table,
    IndexName: INDEXES.chunksPending,
    KeyConditionExpression: 'pending_shard = :shard',
    ExpressionAttributeValues: { ':shard': shard },
  });
  const parsed = (items: readonly unknown[] = []): ChunkRow[] => items.map((item) => ChunkRow.parse(item));

  return {
    async get(sessionId, chunkNumber) {
      const Key = { session_id: sessionId, chunk_number: chunkNumber };
      const { Item } = await db.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
      return Item === undefined ? undefined : ChunkRow.parse(Item);
    },

    listOf: async (sessionId) =>
      parsed(
        await queryAll(db, {
          TableName: table,
          KeyConditionExpression: 'session_id = :session',
          ExpressionAttributeValues: { ':session': sessionId },
          ConsistentRead: true,
        }),
      ),

    async insert(row) {
      const existing = await putNew(db, { TableName: table, Item: row, ConditionExpression: DOES_NOT_EXIST });
      return existing === undefined ? { kind: 'inserted' } : { kind: 'exists', row: ChunkRow.parse(existing) };
    },

    replace(was, row) {
      const values = { ':fence': was.fence, ':etag': was.etag };
      return conditional(
        db.send(
          new PutCommand({
            TableName: table,
            Item: row,
            ConditionExpression: SAME_BYTES_AND_FENCE,
            ExpressionAttributeValues: values,
          }),
        ),
      );
    },

    async allowReplacement(sessionId, chunkNumber) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { session_id: sessionId, chunk_number: chunkNumber },
            UpdateExpression: 'SET replace_allowed = :yes',
            ConditionExpression: 'attribute_exists(session_id)',
            ExpressionAttributeValues: { ':yes': true },
          }),
        ),
      );
    },

    async noteQueued(row, lane, nowMs) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression: 'SET queued_at_ms = :now, lane = :lane',
            ConditionExpression: STILL_PENDING,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':now': nowMs, ':lane': lane, ':pending': 'pending' },
          }),
        ),
      );
    },

    revive: (row, lane, nowMs) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression:
              'SET #state = :pending, attempts = :none, pending_shard = :shard, lane = :lane, queued_at_ms = :now, next_attempt_at_ms = :none' +
              ' REMOVE dead_shard, error_message, deaths, kills',
            ConditionExpression: STILL_DEAD,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':pending': 'pending',
              ':dead': 'dead',
              ':fence': row.fence,
              ':etag': row.etag,
              ':none': 0,
              ':shard': pendingShard(row.session_id),
              ':lane': lane,
              ':now': nowMs,
            },
          }),
        ),
      ),

    reset: (row, lane, nowMs) =>
      conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression:
              'SET #state = :pending, fence = :next, attempts = :none, pending_shard = :shard, lane = :lane, queued_at_ms = :now, next_attempt_at_ms = :none' +
              ' REMOVE result_key, content_key, raw_text, corrected_text, word_counts, corrections_version, transcribed_at_ms',
            ConditionExpression: STILL_SAME_RESULT,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':pending': 'pending',
              ':done': 'done',
              ':fence': row.fence,
              ':next': row.fence + 1,
              ':etag': row.etag,
              ':none': 0,
              ':shard': pendingShard(row.session_id),
              ':lane': lane,
              ':now': nowMs,
            },
          }),
        ),
      ),

    transcribeAgain(row, { number, language, model }, lane, nowMs) {
      const set = { language, model, former: formerOf(row) };
      const names = Object.keys(set) as (keyof typeof set)[];
      const given = names.filter((name) => set[name] !== undefined);
      const absent = names.filter((name) => set[name] === undefined);
      return conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression:
              'SET #state = :pending, attempts = :none, pending_shard = :shard, lane = :lane, queued_at_ms = :now,' +
              ` next_attempt_at_ms = :none, retranscription = :number${given.map((name) => `, #${name} = :${name}`).join('')}` +
              ` REMOVE ${['dead_shard', 'error_message', 'deaths', 'kills', 'progress', 'corrections_version', ...absent.map((name) => `#${name}`)].join(', ')}`,
            ConditionExpression: STILL_UNCHANGED,
            ExpressionAttributeNames: {
              '#state': 'state',
              ...Object.fromEntries(names.map((name) => [`#${name}`, name])),
            },
            ExpressionAttributeValues: {
              ':was': row.state,
              ':pending': 'pending',
              ':fence': row.fence,
              ':etag': row.etag,
              ':none': 0,
              ':shard': pendingShard(row.session_id),
              ':lane': lane,
              ':now': nowMs,
              ':number': number,
              ...Object.fromEntries(given.map((name) => [`:${name}`, set[name]])),
            },
          }),
        ),
      );
    },

    async index(row) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression: 'SET pending_shard = :shard',
            ConditionExpression: STILL_UNFINISHED,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':shard': pendingShard(row.session_id), ':pending': 'pending', ':leased': 'leased' },
          }),
        ),
      );
    },

    async getMany(places) {
      const rows: ChunkRow[] = [];
      for (let from = 0; from < places.length; from += GETS_AT_ONCE) {
        let Keys: Record<string, unknown>[] | undefined = places
          .slice(from, from + GETS_AT_ONCE)
          .map(({ sessionId, chunkNumber }) => ({ session_id: sessionId, chunk_number: chunkNumber }));
        while (Keys !== undefined && Keys.length > 0) {
          const page: BatchGetCommandOutput = await db.send(
            new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }),
          );
          rows.push(...parsed(page.Responses?.[table]));
          Keys = page.UnprocessedKeys?.[table]?.Keys;
        }
      }
      return rows;
    },

    async removeRows(rows) {
      const remove = (row: ChunkRow): Promise<boolean> =>
        conditional(
          db.send(
            new DeleteCommand({
              TableName: table,
              Key: keyOf(row),
              ConditionExpression: NOT_DONE,
              ExpressionAttributeNames: { '#state': 'state' },
              ExpressionAttributeValues: { ':done': 'done' },
            }),
          ),
        );
      await pMap(rows, remove, { concurrency: DELETES_AT_ONCE });
    },

    async removeAll(sessionId) {
      const remove = (row: ChunkRow) => db.send(new DeleteCommand({ TableName: table, Key: keyOf(row) }));
      await pMap(await this.listOf(sessionId), remove, { concurrency: DELETES_AT_ONCE });
    },

    async noteCorrected(row, { text, wordCounts, version }) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(row),
            UpdateExpression: 'SET corrected_text = :text, word_counts = :counts, corrections_version = :version',
            ConditionExpression: STILL_SAME_RESULT,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':done': 'done',
              ':fence': row.fence,
              ':etag': row.etag,
              ':text': text,
              ':counts': wordCounts,
              ':version': version,
            },
          }),
        ),
      );
    },

    async listPending(limit) {
      const pages = await Promise.all(SHARDS.map((shard) => db.send(new QueryCommand({ ...inShard(shard), Limit: limit }))));
      return validRows(
        ChunkRow,
        pages.flatMap(({ Items = [] }) => Items),
      );
    },

    async listDead(limit) {
      const { Items } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.chunksDead,
          KeyConditionExpression: 'dead_shard = :dead',
          ExpressionAttributeValues: { ':dead': 'dead' },
          ScanIndexForward: false,
          Limit: limit,
        }),
      );
      return parsed(Items);
    },

    async listAllPending() {
      return validRows(ChunkRow, (await Promise.all(SHARDS.map((shard) => queryAll(db, inShard(shard))))).flat());
    },
  };
}
