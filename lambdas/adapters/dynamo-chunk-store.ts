import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { ChunkStore } from '../../core/chunk-cache/ports.ts';
import { PENDING_SHARDS } from '../../core/contracts/limits.ts';
import { ChunkRow, INDEXES } from '../../core/contracts/rows.ts';

const NOT_THERE = 'attribute_not_exists(session_id)';
const SAME_BYTES_AND_FENCE = 'fence = :fence AND etag = :etag';
const STILL_PENDING = '#state = :pending';

/** True when the write happened, false when its condition did not hold. */
async function conditional(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

export function dynamoChunkStore(db: DynamoDBDocumentClient, table: string): ChunkStore {
  const keyOf = (row: Pick<ChunkRow, 'session_id' | 'chunk_number'>) => ({
    session_id: row.session_id,
    chunk_number: row.chunk_number,
  });

  return {
    async get(sessionId, chunkNumber) {
      const Key = { session_id: sessionId, chunk_number: chunkNumber };
      const { Item } = await db.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
      return Item === undefined ? undefined : ChunkRow.parse(Item);
    },

    async listOf(sessionId) {
      const rows: ChunkRow[] = [];
      let from: Record<string, unknown> | undefined;
      do {
        const page = await db.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'session_id = :session',
            ExpressionAttributeValues: { ':session': sessionId },
            ConsistentRead: true,
            ExclusiveStartKey: from,
          }),
        );
        rows.push(...(page.Items ?? []).map((item) => ChunkRow.parse(item)));
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return rows;
    },

    async insert(row) {
      try {
        await db.send(
          new PutCommand({
            TableName: table,
            Item: row,
            ConditionExpression: NOT_THERE,
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { kind: 'inserted' };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const existing = (await this.get(row.session_id, row.chunk_number)) ?? row;
        return { kind: 'exists', row: existing };
      }
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

    async listPending(limit) {
      const shard = async (index: number): Promise<ChunkRow[]> => {
        const { Items } = await db.send(
          new QueryCommand({
            TableName: table,
            IndexName: INDEXES.chunksPending,
            KeyConditionExpression: 'pending_shard = :shard',
            ExpressionAttributeValues: { ':shard': `pending-${index}` },
            Limit: limit,
          }),
        );
        return (Items ?? []).map((item) => ChunkRow.parse(item));
      };
      return (await Promise.all(Array.from({ length: PENDING_SHARDS }, (_, index) => shard(index)))).flat();
    },
  };
}
