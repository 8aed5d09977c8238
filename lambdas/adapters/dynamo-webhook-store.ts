import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { INDEXES } from '../../core/contracts/rows.ts';
import { DeliveryRow, WebhookRow } from '../../core/contracts/webhooks.ts';
import type { WebhookStore } from '../../core/webhooks/ports.ts';
import { putIf } from './conditional.ts';
import { dueRows } from './due-rows.ts';
import { queryAll, queryPage } from './query-all.ts';
import { readRow } from './read-row.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(user_id)';
const SAME_VERSION = 'version = :was';
/** Partition of the users who are notified of batch runs. */
const SUBSCRIBERS = '#batch';

export function dynamoWebhookStore(db: DynamoDBDocumentClient, table: string): WebhookStore {
  const put = (Item: Record<string, unknown>, was: number | undefined): Promise<boolean> =>
    putIf(db, {
      TableName: table,
      Item,
      ConditionExpression: was === undefined ? DOES_NOT_EXIST : SAME_VERSION,
      ...(was !== undefined && { ExpressionAttributeValues: { ':was': was } }),
    });

  return {
    settings: (userId) => readRow(db, table, { user_id: userId, id: 'settings' }, WebhookRow),
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

    get: (userId, deliveryId) => readRow(db, table, { user_id: userId, id: deliveryId }, DeliveryRow),
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

    listDue: (nowMs, limit) => dueRows(db, { TableName: table, IndexName: INDEXES.deliveriesDue }, DeliveryRow, nowMs, limit),
  };
}
