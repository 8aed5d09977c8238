import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { SettingsRow } from '../../core/contracts/rows.ts';
import type { SettingsStore } from '../../core/corrections/ports.ts';
import { conditional } from './conditional.ts';

const UNWRITTEN = 'attribute_not_exists(user_id)';
const SAME_VERSION = 'version = :version';

export function dynamoSettingsStore(db: DynamoDBDocumentClient, table: string): SettingsStore {
  return {
    async get(userId) {
      const { Item } = await db.send(new GetCommand({ TableName: table, Key: { user_id: userId }, ConsistentRead: true }));
      return Item === undefined ? undefined : SettingsRow.parse(Item);
    },

    put: (row, overVersion) =>
      conditional(
        db.send(
          new PutCommand({
            TableName: table,
            Item: row,
            ...(overVersion === undefined
              ? { ConditionExpression: UNWRITTEN }
              : { ConditionExpression: SAME_VERSION, ExpressionAttributeValues: { ':version': overVersion } }),
          }),
        ),
      ),

    async noteApplied(userId, version, cursor) {
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key: { user_id: userId },
            UpdateExpression:
              cursor === undefined ? 'SET applied_version = :version REMOVE apply_cursor' : 'SET apply_cursor = :cursor',
            ConditionExpression: SAME_VERSION,
            ExpressionAttributeValues: { ':version': version, ...(cursor !== undefined && { ':cursor': cursor }) },
          }),
        ),
      );
    },
  };
}
