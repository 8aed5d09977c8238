import {
  BatchGetCommand,
  type BatchGetCommandOutput,
  DeleteCommand,
  type DynamoDBDocumentClient,
  paginateQuery,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import { formerOf } from '../../core/chunk-cache/former.ts';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { pendingShard } from '../../core/chunk-cache/rows.ts';
import type { Lane } from '../../core/contracts/lanes.ts';
import { MAX_CHUNK_NUMBER, PENDING_SHARDS } from '../../core/contracts/limits.ts';
import { ChunkRow, INDEXES } from '../../core/contracts/rows.ts';
import { conditional, putIf, putNew, updaterOf } from './conditional.ts';
import { queryAll, queryPage } from './query-all.ts';
import { readRow } from './read-row.ts';
import { setOrRemove } from './set-or-remove.ts';
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
/** Rows that are read at once in search of one that waits; it is usually among the first. */
const ROWS_TO_FIRST_WAITING = 50;
/** Limit of BatchGetItem. */
const GETS_AT_ONCE = 100;

const keyOf = (row: Pick<ChunkRow, 'session_id' | 'chunk_number'>) => ({
  session_id: row.session_id,
  chunk_number: row.chunk_number,
});
const parsed = (items: readonly unknown[] = []): ChunkRow[] => items.map((item) => ChunkRow.parse(item));

/** Reads of rows by their keys. */
const readsOf = (
  db: DynamoDBDocumentClient,
  table: string,
): Pick<ChunkStore, 'get' | 'listOf' | 'listFrom' | 'listSome' | 'hasWaiting' | 'getMany'> => ({
  get: (sessionId, chunkNumber) => readRow(db, table, { session_id: sessionId, chunk_number: chunkNumber }, ChunkRow),

  listOf: async (sessionId) =>
    parsed(
      await queryAll(db, {
        TableName: table,
        KeyConditionExpression: 'session_id = :session',
        ExpressionAttributeValues: { ':session': sessionId },
        ConsistentRead: true,
      }),
    ),

  listFrom: async (sessionId, from, to = MAX_CHUNK_NUMBER) =>
    parsed(
      await queryAll(db, {
        TableName: table,
        KeyConditionExpression: 'session_id = :session AND chunk_number BETWEEN :from AND :to',
        ExpressionAttributeValues: { ':session': sessionId, ':from': from, ':to': to },
        ConsistentRead: true,
      }),
    ),

  async listSome(sessionId, from, count) {
    const query = {
      TableName: table,
      KeyConditionExpression: 'session_id = :session AND chunk_number >= :from',
      ExpressionAttributeValues: { ':session': sessionId, ':from': from },
      ConsistentRead: true,
    };
    return parsed((await queryPage(db, query, count)).items);
  },

  async hasWaiting(sessionId, from) {
    const query = {
      TableName: table,
      KeyConditionExpression: 'session_id = :session AND chunk_number >= :from',
      FilterExpression: STILL_UNFINISHED,
      ProjectionExpression: 'chunk_number',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':session': sessionId, ':from': from, ':pending': 'pending', ':leased': 'leased' },
      ConsistentRead: true,
    };
    for await (const { Count } of paginateQuery({ client: db, pageSize: ROWS_TO_FIRST_WAITING }, query)) if (Count) return true;
    return false;
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
});

/** Rows that are put or deleted as a whole. */
const wholeRowsOf = (
  db: DynamoDBDocumentClient,
  table: string,
  { listOf }: Pick<ChunkStore, 'listOf'>,
): Pick<ChunkStore, 'insert' | 'replace' | 'removeRows' | 'removeAll'> => ({
  async insert(row) {
    const existing = await putNew(db, { TableName: table, Item: row, ConditionExpression: DOES_NOT_EXIST });
    return existing === undefined ? { kind: 'inserted' } : { kind: 'exists', row: ChunkRow.parse(existing) };
  },

  replace: (was, row) =>
    putIf(db, {
      TableName: table,
      Item: row,
      ConditionExpression: SAME_BYTES_AND_FENCE,
      ExpressionAttributeValues: { ':fence': was.fence, ':etag': was.etag },
    }),

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
    await pMap(await listOf(sessionId), remove, { concurrency: DELETES_AT_ONCE });
  },
});

/** Makes a row pending, with all of its attempts, in a lane. */
const PENDING_AGAIN =
  'SET #state = :pending, attempts = :none, pending_shard = :shard, lane = :lane, queued_at_ms = :now, next_attempt_at_ms = :none';
const pendingAgain = ({ session_id, fence, etag }: ChunkRow, lane: Lane, nowMs: number) => ({
  ':pending': 'pending',
  ':none': 0,
  ':shard': pendingShard(session_id),
  ':lane': lane,
  ':now': nowMs,
  ':fence': fence,
  ':etag': etag,
});

/** Finished rows that are transcribed once more. */
function revivalsOf(db: DynamoDBDocumentClient, table: string): Pick<ChunkStore, 'revive' | 'reset' | 'transcribeAgain'> {
  const update = updaterOf(db, table, keyOf);
  return {
    revive: (row, lane, nowMs) =>
      update(row, {
        UpdateExpression: `${PENDING_AGAIN} REMOVE dead_shard, error_message, deaths, kills`,
        ConditionExpression: STILL_DEAD,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ...pendingAgain(row, lane, nowMs), ':dead': 'dead' },
      }),

    reset: (row, lane, nowMs) =>
      update(row, {
        UpdateExpression:
          `${PENDING_AGAIN}, fence = :next` +
          ' REMOVE result_key, content_key, raw_text, corrected_text, word_counts, corrections_version, transcribed_at_ms',
        ConditionExpression: STILL_SAME_RESULT,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ...pendingAgain(row, lane, nowMs), ':done': 'done', ':next': row.fence + 1 },
      }),

    transcribeAgain(row, { number, language, model }, lane, nowMs) {
      const { sets, removes, names, values } = setOrRemove({ language, model, former: formerOf(row) });
      const removed = ['dead_shard', 'error_message', 'deaths', 'kills', 'progress', 'corrections_version', ...removes];
      return update(row, {
        UpdateExpression: `${[PENDING_AGAIN, 'retranscription = :number', ...sets].join(', ')} REMOVE ${removed.join(', ')}`,
        ConditionExpression: STILL_UNCHANGED,
        ExpressionAttributeNames: { '#state': 'state', ...names },
        ExpressionAttributeValues: { ...pendingAgain(row, lane, nowMs), ':was': row.state, ':number': number, ...values },
      });
    },
  };
}

type Notes = Pick<ChunkStore, 'allowReplacement' | 'noteQueued' | 'index' | 'noteCorrected'>;
/** Attributes that are set on a row, whatever happens to it. */
function notesOf(db: DynamoDBDocumentClient, table: string): Notes {
  const update = updaterOf(db, table, keyOf);
  return {
    async allowReplacement(session_id, chunk_number) {
      await update(
        { session_id, chunk_number },
        {
          UpdateExpression: 'SET replace_allowed = :yes',
          ConditionExpression: 'attribute_exists(session_id)',
          ExpressionAttributeValues: { ':yes': true },
        },
      );
    },

    async noteQueued(row, lane, nowMs) {
      await update(row, {
        UpdateExpression: 'SET queued_at_ms = :now, lane = :lane',
        ConditionExpression: STILL_PENDING,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':now': nowMs, ':lane': lane, ':pending': 'pending' },
      });
    },

    async index(row) {
      await update(row, {
        UpdateExpression: 'SET pending_shard = :shard',
        ConditionExpression: STILL_UNFINISHED,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':shard': pendingShard(row.session_id), ':pending': 'pending', ':leased': 'leased' },
      });
    },

    async noteCorrected(row, { text, wordCounts, version }) {
      await update(row, {
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
      });
    },
  };
}

/** Reads of the sparse indexes. */
function indexesOf(db: DynamoDBDocumentClient, table: string): Pick<ChunkStore, 'listPending' | 'listDead' | 'listAllPending'> {
  const inShard = (shard: string) => ({
    TableName: table,
    IndexName: INDEXES.chunksPending,
    KeyConditionExpression: 'pending_shard = :shard',
    ExpressionAttributeValues: { ':shard': shard },
  });
  return {
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

export function dynamoChunkStore(db: DynamoDBDocumentClient, table: string): ChunkStore {
  const reads = readsOf(db, table);
  return {
    ...reads,
    ...wholeRowsOf(db, table, reads),
    ...revivalsOf(db, table),
    ...notesOf(db, table),
    ...indexesOf(db, table),
  };
}
