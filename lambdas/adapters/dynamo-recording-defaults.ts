import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { RecordingDefaultsRow } from '../../core/contracts/rows.ts';
import type { RecordingDefaultsStore } from '../../core/sessions/ports.ts';
import { readRow } from './read-row.ts';

const keyOf = (userId: string) => ({ user_id: `${userId}#recording` });

/** One row per user in the table of settings. */
export const dynamoRecordingDefaults = (db: DynamoDBDocumentClient, table: string): RecordingDefaultsStore => ({
  async get(userId) {
    const { prompt, hotwords } = (await readRow(db, table, keyOf(userId), RecordingDefaultsRow)) ?? {};
    return { ...(prompt && { prompt }), ...(hotwords && { hotwords }) };
  },

  async put(userId, defaults) {
    await db.send(new PutCommand({ TableName: table, Item: { ...keyOf(userId), ...defaults } satisfies RecordingDefaultsRow }));
  },
});
