import { type DynamoDBDocumentClient, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { NoticeStore } from '../../core/batch-run/mail.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { emptyGate, emptyState } from '../../core/batch-run/rows.ts';
import { BatchStateRow, GateRow, LeaseRow, MailSettingsRow, type NoticeRow, RunRow } from '../../core/contracts/batch.ts';
import { queryAll, queryPage } from './query-all.ts';
import { isFailedCondition } from './retry-conflicts.ts';

type Kind = (LeaseRow | GateRow | RunRow | BatchStateRow | MailSettingsRow | NoticeRow)['kind'];

/** One table for all kinds of rows; each kind is a partition. Leases and the gate change in one transaction. */
function batchTable(db: DynamoDBDocumentClient, table: string) {
  return {
    get: async (kind: Kind, id: string): Promise<Record<string, unknown> | undefined> =>
      (await db.send(new GetCommand({ TableName: table, Key: { kind, id }, ConsistentRead: true }))).Item,

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

    async transact(
      TransactItems: ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems'],
    ): Promise<'committed' | 'conflict'> {
      try {
        await db.send(new TransactWriteCommand({ TransactItems }));
        return 'committed';
      } catch (error) {
        if (isFailedCondition(error)) return 'conflict';
        throw error;
      }
    },
  };
}

export function dynamoLockStore(db: DynamoDBDocumentClient, table: string): LockStore {
  const { get, put, remove, replace, transact } = batchTable(db, table);
  return {
    readGate: async () => GateRow.parse((await get('gate', 'gate')) ?? emptyGate()),

    async lease(sessionId) {
      const item = await get('lease', sessionId);
      return item === undefined ? undefined : LeaseRow.parse(item);
    },

    async leases() {
      const query = { KeyConditionExpression: 'kind = :lease', ExpressionAttributeValues: { ':lease': 'lease' } };
      return (await queryAll(db, { TableName: table, ...query, ConsistentRead: true })).map((item) => LeaseRow.parse(item));
    },

    commit: ({ gate, put: lease, remove: released = [] }) =>
      transact([
        replace(gate.to, 'epoch', gate.from.epoch),
        ...(lease === undefined ? [] : [put(lease)]),
        ...released.map(remove),
      ]),
  };
}

export function dynamoBatchStore(db: DynamoDBDocumentClient, table: string): BatchStore {
  const { get, replace, transact } = batchTable(db, table);
  return {
    readState: async () => BatchStateRow.parse((await get('state', 'state')) ?? emptyState()),

    async readRun(runId) {
      const item = await get('run', runId);
      return item === undefined ? undefined : RunRow.parse(item);
    },

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
      transact([
        ...(state === undefined ? [] : [replace(state.to, 'version', state.from.version)]),
        ...(run === undefined ? [] : [replace(run.to, 'version', run.from?.version ?? 0)]),
      ]),
  };
}

/** How long a sent notice is remembered. */
const NOTICE_SECONDS = 14 * 24 * 3600;

export function dynamoNoticeStore(db: DynamoDBDocumentClient, table: string): NoticeStore {
  const { get, put, replace, transact } = batchTable(db, table);
  return {
    async mailSettings(userId) {
      const item = await get('wants', userId);
      const row = item === undefined ? undefined : MailSettingsRow.parse(item);
      return { sessionCompleted: row?.session_completed ?? false, fileCompleted: row?.file_completed ?? false };
    },
    async setMailSettings(userId, { sessionCompleted: session_completed, fileCompleted: file_completed }) {
      await transact([put({ kind: 'wants', id: userId, session_completed, file_completed } satisfies MailSettingsRow)]);
    },
    async claim(noticeId, nowMs) {
      const row: NoticeRow = { kind: 'notice', id: noticeId, expires_at_s: Math.ceil(nowMs / 1000) + NOTICE_SECONDS };
      return (await transact([replace(row, 'id', 0)])) === 'committed';
    },
  };
}
