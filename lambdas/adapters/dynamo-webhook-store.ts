import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { INDEXES } from '../../core/contracts/rows.ts';
import { DeliveryRow, WebhookRow } from '../../core/contracts/webhooks.ts';
import type { WebhookStore } from '../../core/webhooks/ports.ts';
import { conditional } from './conditional.ts';
import { queryAll, queryPage } from './query-all.ts';
import { validRows } from './valid-rows.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(user_id)';
const SAME_VERSION = 'version = :was';
/** Partition of the users who are notified of batch runs. */
const SUBSCRIBERS = '#batch';

export function dynamoWebhookStore(db: DynamoDBDocumentClient, table: string): WebhookStore {
  const read = async (userId: string, id: string): Promise<unknown> =>
    (await db.send(new GetCommand({ TableName: table, Key: { user_id: userId, id }, ConsistentRead: true }))).Item;
  const put = (Item: Record<string, unknown>, was: number | undefined): Promise<boolean> =>
    conditional(
      db.send(
        new PutCommand({
          TableName: table,
          Item,
          ConditionExpression: was === undefined ? DOES_NOT_EXIST : SAME_VERSION,
          ...(was !== undefined && { ExpressionAttributeValues: { ':was': was } }),
        }),
      ),
    );

  return {
    async settings(userId) {
      const item = await read(userId, 'settings');
      return item === undefined ? undefined : WebhookRow.parse(item);
    },
    saveSettings: (was, now) => put(now, was?.version),

    async batchSubscribers() {
      const items = await queryAll(db, {
        TableName: table,
        KeyConditionExpression: 'user_id = :batch',
        ExpressionAttributeValues: { ':batch': SUBSCRIBERS },
      });
      return z
        .array(z.object({ id: z.string() }))
        .parse(items)
        .map(({ id }) => id);
    },

    async setBatchSubscription(userId, isSubscribed) {
      const Key = { user_id: SUBSCRIBERS, id: userId };
      if (isSubscribed) await db.send(new PutCommand({ TableName: table, Item: Key }));
      else await db.send(new DeleteCommand({ TableName: table, Key }));
    },

    insert: (row) => put(row, undefined),

    async get(userId, deliveryId) {
      const item = await read(userId, deliveryId);
      return item === undefined ? undefined : DeliveryRow.parse(item);
    },
    replace: (was, now) => put(now, was.version),

    async listOf(userId, limit, before) {
      const { items } = await queryPage(
        db,
        {
          TableName: table,
          KeyConditionExpression: 'user_id = :user AND id BETWEEN :first AND :last',
          ExpressionAttributeValues: { ':user': userId, ':first': 'dlv_', ':last': 'dlv_~' },
          ScanIndexForward: false,
          ExclusiveStartKey: before === undefined ? undefined : { user_id: userId, id: before },
        },
        limit,
      );
      return z.array(DeliveryRow).parse(items);
    },

    async listDue(nowMs, limit) {
      const { Items } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.deliveriesDue,
          KeyConditionExpression: 'due_shard = :due AND due_at_ms <= :now',
          ExpressionAttributeValues: { ':due': 'due', ':now': nowMs },
          Limit: limit,
        }),
      );
      return validRows(DeliveryRow, Items);
    },
  };
}
