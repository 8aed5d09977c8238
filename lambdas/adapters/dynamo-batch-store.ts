import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { emptyGate, emptyState } from '../../core/batch-run/rows.ts';
import { BatchStateRow, GateRow, LeaseRow, RunRow } from '../../core/contracts/batch.ts';
import { MailSettingsRow, type NoticeRow } from '../../core/contracts/notifications.ts';
import type { NoticeStore } from '../../core/notifications/ports.ts';
import { transact } from './conditional.ts';
import { queryAll, queryPage } from './query-all.ts';
import { readRow } from './read-row.ts';

type Kind = (LeaseRow | GateRow | RunRow | BatchStateRow | MailSettingsRow | NoticeRow)['kind'];

/** One table for all kinds of rows; each kind is a partition. Leases and the gate change in one transaction. */
function batchTable(db: DynamoDBDocumentClient, table: string) {
  return {
    get: <Row>(kind: Kind, id: string, schema: z.ZodType<Row>) => readRow(db, table, { kind, id }, schema),

    /** Replaces a row whose attribute `name` still equals `was`; 0 means that the row must not exist. */
    replace: (Item: object, name: string, was: number) => ({
      Put: {
        TableName: table,
        Item,
        ...(was === 0
          ? { ConditionExpression: 'attribute_not_exists(id)' }
          : {
              ConditionExpression: '#name = :was',
              ExpressionAttributeNames: { '#name': name },
              ExpressionAttributeValues: { ':was': was },
            }),
      },
    }),

    put: (Item: object) => ({ Put: { TableName: table, Item } }),
    remove: ({ kind, id }: { kind: Kind; id: string }) => ({ Delete: { TableName: table, Key: { kind, id } } }),
  };
}

export function dynamoLockStore(db: DynamoDBDocumentClient, table: string): LockStore {
  const { get, put, remove, replace } = batchTable(db, table);
  return {
    readGate: async () => (await get('gate', 'gate', GateRow)) ?? emptyGate(),

    lease: (sessionId) => get('lease', sessionId, LeaseRow),

    async leases() {
      const query = { KeyConditionExpression: 'kind = :lease', ExpressionAttributeValues: { ':lease': 'lease' } };
      return (await queryAll(db, { TableName: table, ...query, ConsistentRead: true })).map((item) => LeaseRow.parse(item));
    },

    commit: ({ gate, put: lease, remove: released = [] }) =>
      transact(db, [
        replace(gate.to, 'epoch', gate.from.epoch),
        ...(lease === undefined ? [] : [put(lease)]),
        ...released.map(remove),
      ]),
  };
}

export function dynamoBatchStore(db: DynamoDBDocumentClient, table: string): BatchStore {
  const { get, replace } = batchTable(db, table);
  return {
    readState: async () => (await get('state', 'state', BatchStateRow)) ?? emptyState(),

    readRun: (runId) => get('run', runId, RunRow),

    async listRuns(limit, before) {
      const { items } = await queryPage(
        db,
        {
          TableName: table,
          KeyConditionExpression: before === undefined ? 'kind = :run' : 'kind = :run AND id < :before',
          ExpressionAttributeValues: { ':run': 'run', ...(before !== undefined && { ':before': before }) },
          ConsistentRead: true,
          ScanIndexForward: false,
        },
        limit,
      );
      return items.map((item) => RunRow.parse(item));
    },

    commit: ({ state, run }) =>
      transact(db, [
        ...(state === undefined ? [] : [replace(state.to, 'version', state.from.version)]),
        ...(run === undefined ? [] : [replace(run.to, 'version', run.from?.version ?? 0)]),
      ]),
  };
}

/** How long a sent notice is remembered. */
const NOTICE_SECONDS = 14 * 24 * 3600;

export function dynamoNoticeStore(db: DynamoDBDocumentClient, table: string): NoticeStore {
  const { get, put, replace } = batchTable(db, table);
  return {
    async mailSettings(userId) {
      const row = await get('wants', userId, MailSettingsRow);
      return { sessionCompleted: row?.session_completed ?? false, fileCompleted: row?.file_completed ?? false };
    },
    async setMailSettings(userId, { sessionCompleted: session_completed, fileCompleted: file_completed }) {
      await transact(db, [put({ kind: 'wants', id: userId, session_completed, file_completed } satisfies MailSettingsRow)]);
    },
    async claim(noticeId, nowMs) {
      const row: NoticeRow = { kind: 'notice', id: noticeId, expires_at_s: Math.ceil(nowMs / 1000) + NOTICE_SECONDS };
      return (await transact(db, [replace(row, 'id', 0)])) === 'committed';
    },
  };
}
