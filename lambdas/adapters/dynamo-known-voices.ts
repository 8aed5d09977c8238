import { DeleteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { KnownVoicesRow } from '../../core/contracts/known-voices.ts';
import type { KnownVoiceStore } from '../../core/transcripts/known-voices.ts';
import { putIf } from './conditional.ts';
import { readRow } from './read-row.ts';

const keyOf = (userId: string) => ({ user_id: `${userId}#voices` });
const UNWRITTEN = 'attribute_not_exists(user_id)';
const SAME_REVISION = 'revision = :revision';

/** One row per user in the table of settings: 100 voices are below 100 KB. */
export const dynamoKnownVoices = (db: DynamoDBDocumentClient, table: string): KnownVoiceStore => ({
  get: (userId) => readRow(db, table, keyOf(userId), KnownVoicesRow),

  put: (userId, row, overRevision) =>
    putIf(db, {
      TableName: table,
      Item: { ...keyOf(userId), ...row },
      ...(overRevision === undefined
        ? { ConditionExpression: UNWRITTEN }
        : { ConditionExpression: SAME_REVISION, ExpressionAttributeValues: { ':revision': overRevision } }),
    }),

  async remove(userId) {
    await db.send(new DeleteCommand({ TableName: table, Key: keyOf(userId) }));
  },
});
