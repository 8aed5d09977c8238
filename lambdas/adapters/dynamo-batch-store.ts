import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { LockStore } from '../../core/batch-lock/ports.ts';
import type { NoticeStore } from '../../core/batch-run/mail.ts';
import type { BatchStore } from '../../core/batch-run/ports.ts';
import { emptyGate, emptyState } from '../../core/batch-run/rows.ts';
import { BatchStateRow, GateRow, LeaseRow, type NoticeRow, RunRow, WantsRow } from '../../core/contracts/batch.ts';
import { queryAll } from './query-all.ts';

type Kind = (LeaseRow | GateRow | RunRow | BatchStateRow | WantsRow | NoticeRow)['kind'];
const CONFLICTS: readonly (string | undefined)[] = ['ConditionalCheckFailed', 'TransactionConflict'];

/** Rows of one table, each kind a partition, so that locks and their gate change in one transaction. */
function batchTable(db: DynamoDBDocumentClient, table: string) {
  return {
    get: async (kind: Kind, id: string): Promise<Record<string, unknown> | undefined> =>
      (await db.send(new GetCommand({ TableName: table, Key: { kind, id }, ConsistentRead: true }))).Item,

    /** Puts `Item` in the place of a row in which `name` is still this number; 0: of none. */
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
        if (!(error instanceof TransactionCanceledException)) throw error;
        if ((error.CancellationReasons ?? []).some(({ Code }) => CONFLICTS.includes(Code))) return 'conflict';
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
      const { Items = [] } = await db.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: before === undefined ? 'kind = :run' : 'kind = :run AND id < :before',
          ExpressionAttributeValues: { ':run': 'run', ...(before !== undefined && { ':before': before }) },
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit: limit,
        }),
      );
      return Items.map((item) => RunRow.parse(item));
    },

    commit: ({ state, run }) =>
      transact([
        ...(state === undefined ? [] : [replace(state.to, 'version', state.from.version)]),
        ...(run === undefined ? [] : [replace(run.to, 'version', run.from?.version ?? 0)]),
      ]),
  };
}

const NOTICE_SECONDS = 14 * 24 * 3600;

export function dynamoNoticeStore(db: DynamoDBDocumentClient, table: string): NoticeStore {
  const { get, put, replace, transact } = batchTable(db, table);
  return {
    async wants(userId) {
      const item = await get('wants', userId);
      const row = item === undefined ? undefined : WantsRow.parse(item);
      return { sessionCompleted: row?.session_completed ?? false, fileCompleted: row?.file_completed ?? false };
    },
    async setWants(userId, { sessionCompleted: session_completed, fileCompleted: file_completed }) {
      await transact([put({ kind: 'wants', id: userId, session_completed, file_completed } satisfies WantsRow)]);
    },
    async claim(noticeId, nowMs) {
      const row: NoticeRow = { kind: 'notice', id: noticeId, expires_at_s: Math.ceil(nowMs / 1000) + NOTICE_SECONDS };
      return (await transact([replace(row, 'id', 0)])) === 'committed';
    },
  };
}
