import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { INDEXES, SessionRow } from '../../core/contracts/rows.ts';
import type { SessionStore } from '../../core/sessions/ports.ts';
import { putIf, updaterOf } from './conditional.ts';
import { dueRows } from './due-rows.ts';
import { readRow } from './read-row.ts';
import { setOrRemove } from './set-or-remove.ts';
import { userPage } from './user-pages.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(session_id)';
const NOT_DELETED = 'attribute_exists(session_id) AND #state <> :deleted';
const SAME_RECORDING = '#state = :completed AND (attribute_not_exists(resumptions) OR resumptions = :resumptions)';
const NOT_RETRANSCRIBED = 'attribute_not_exists(retranscription)';
const SAME_RETRANSCRIPTION = 'retranscription.#number = :seen';
const STILL_RECORDING = '#state = :recording AND due_at_ms = :was';
const NEWER_EDITS = `${NOT_DELETED} AND (attribute_not_exists(edits_version) OR edits_version < :version)`;
const STILL_SETTLED = `${NOT_DELETED} AND settled_chunks = :was`;
const NOTHING_SETTLED = `${NOT_DELETED} AND (attribute_not_exists(settled_chunks) OR settled_chunks = :was)`;
const MORE_SETTLED = 'settled_chunks > :settled';
const STILL_DUE = 'due_at_ms = :was';
const FIRST_RETRANSCRIPTION = '#state = :completed AND attribute_not_exists(retranscription)';
const NEXT_RETRANSCRIPTION = '#state = :completed AND retranscription.#number = :was';
const THIS_RETRANSCRIPTION = '#state = :completed AND retranscription.#number = :number';
/** Until a tombstone expires, requests for the session return `deleted` and late chunks are refused. */
const TOMBSTONE_SECONDS = 90 * 24 * 3600;

type Rows = Pick<SessionStore, 'create' | 'get' | 'listOf' | 'listDue' | 'markDeleted'>;
/** Rows that are read or put as a whole. */
const rowsOf = (db: DynamoDBDocumentClient, table: string): Rows => ({
  create: (row) => putIf(db, { TableName: table, Item: row, ConditionExpression: DOES_NOT_EXIST }),

  get: (sessionId) => readRow(db, table, { session_id: sessionId }, SessionRow),

  listOf: (userId, limit, cursor) =>
    userPage(
      db,
      {
        TableName: table,
        IndexName: INDEXES.sessionsByUser,
        FilterExpression: '#state <> :deleted',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':deleted': 'deleted' },
      },
      { schema: SessionRow, id: 'session_id' },
      userId,
      limit,
      cursor,
    ),

  async markDeleted({ session_id, user_id, live, created_at_ms }, nowMs, purgeAgainAtMs) {
    const tombstone: SessionRow = {
      session_id,
      user_id,
      live,
      created_at_ms,
      state: 'deleted',
      deleted_at_ms: nowMs,
      due_shard: 'due',
      due_at_ms: purgeAgainAtMs,
    };
    const expires_at_s = Math.floor(nowMs / 1000) + TOMBSTONE_SECONDS;
    await db.send(new PutCommand({ TableName: table, Item: { ...tombstone, expires_at_s } }));
  },

  listDue: (nowMs, limit) => dueRows(db, { TableName: table, IndexName: INDEXES.sessionsDue }, SessionRow, nowMs, limit),
});

type Update = ReturnType<typeof updaterOf<string>>;

type TextChanges = Pick<SessionStore, 'recordTranscript' | 'noteTextChanged' | 'settle' | 'unsettle' | 'noteEdits'>;
/** What happens to a transcript. */
const textChangesOf = (update: Update): TextChanges => ({
  recordTranscript: (sessionId, { status, madeOf, writtenAtMs, retranscription, resumptions = 0 }) =>
    update(sessionId, {
      UpdateExpression:
        'SET transcript_status = :status, transcript_of = :made_of, transcript_written_at_ms = :now' +
        (retranscription === undefined ? '' : ', transcript_retranscription = :retranscription'),
      ConditionExpression: SAME_RECORDING,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':status': status,
        ':made_of': madeOf,
        ':now': writtenAtMs,
        ':completed': 'completed',
        ':resumptions': resumptions,
        ...(retranscription !== undefined && { ':retranscription': retranscription }),
      },
    }),

  noteTextChanged: (sessionId) =>
    update(sessionId, {
      UpdateExpression: 'ADD text_revision :one',
      ConditionExpression: NOT_DELETED,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':one': 1, ':deleted': 'deleted' },
    }),

  settle: (sessionId, was, settled) =>
    update(sessionId, {
      UpdateExpression: 'SET settled_chunks = :settled',
      ConditionExpression: was === 0 ? NOTHING_SETTLED : STILL_SETTLED,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':was': was, ':settled': settled, ':deleted': 'deleted' },
    }),

  async unsettle(sessionId, settled) {
    await update(sessionId, {
      UpdateExpression: 'SET settled_chunks = :settled',
      ConditionExpression: MORE_SETTLED,
      ExpressionAttributeValues: { ':settled': settled },
    });
  },

  async noteEdits(sessionId, version) {
    await update(sessionId, {
      UpdateExpression: 'SET edits_version = :version',
      ConditionExpression: NEWER_EDITS,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: { ':version': version, ':deleted': 'deleted' },
    });
  },
});

/** What happens to a recording. */
const changesOf = (update: Update): Omit<SessionStore, keyof Rows | keyof TextChanges | keyof Retranscriptions> => ({
  complete: (sessionId, chunkCount, nowMs) =>
    update(sessionId, {
      UpdateExpression:
        'SET #state = :completed, chunk_count = :count, completed_at_ms = if_not_exists(completed_at_ms, :now)' +
        ' REMOVE due_shard, due_at_ms, abandoned',
      ConditionExpression: NOT_DELETED,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':completed': 'completed',
        ':count': chunkCount,
        ':now': nowMs,
        ':deleted': 'deleted',
      },
    }),

  resume: ({ session_id, resumptions = 0, retranscription }, { by, dueAtMs }) =>
    update(session_id, {
      UpdateExpression:
        `SET #state = :recording, resumptions = :next, due_shard = :due, due_at_ms = :at${by === undefined ? '' : ', resumed_by = :by'}` +
        ' REMOVE completed_at_ms, abandoned, transcript_status, transcript_of, transcript_written_at_ms' +
        (by === undefined ? ', resumed_by' : ''),
      ConditionExpression: `${SAME_RECORDING} AND ${retranscription === undefined ? NOT_RETRANSCRIBED : SAME_RETRANSCRIPTION}`,
      ExpressionAttributeNames: { '#state': 'state', ...(retranscription !== undefined && { '#number': 'number' }) },
      ExpressionAttributeValues: {
        ':recording': 'recording',
        ':completed': 'completed',
        ':resumptions': resumptions,
        ':next': resumptions + 1,
        ':due': 'due',
        ':at': dueAtMs,
        ...(retranscription !== undefined && { ':seen': retranscription.number }),
        ...(by !== undefined && { ':by': by }),
      },
    }),

  rename(sessionId, title) {
    const { sets, removes, names, values } = setOrRemove({ title });
    return update(sessionId, {
      UpdateExpression: sets.length > 0 ? `SET ${sets.join(', ')}` : `REMOVE ${removes.join(', ')}`,
      ConditionExpression: NOT_DELETED,
      ExpressionAttributeNames: { '#state': 'state', ...names },
      ExpressionAttributeValues: { ':deleted': 'deleted', ...values },
    });
  },

  async setDue({ session_id, due_at_ms }, dueAtMs) {
    await update(session_id, {
      UpdateExpression: dueAtMs === undefined ? 'REMOVE due_shard, due_at_ms' : 'SET due_at_ms = :due',
      ConditionExpression: STILL_DUE,
      ExpressionAttributeValues: { ':was': due_at_ms, ...(dueAtMs !== undefined && { ':due': dueAtMs }) },
    });
  },

  closeAbandoned: ({ session_id, due_at_ms }, chunkCount, nowMs) =>
    update(session_id, {
      UpdateExpression:
        'SET #state = :completed, chunk_count = :count, completed_at_ms = :now, abandoned = :yes REMOVE due_shard, due_at_ms',
      ConditionExpression: STILL_RECORDING,
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: {
        ':completed': 'completed',
        ':recording': 'recording',
        ':was': due_at_ms,
        ':count': chunkCount,
        ':now': nowMs,
        ':yes': true,
      },
    }),
});

type Retranscriptions = Pick<SessionStore, 'retranscribe' | 'noteRequeued'>;
const retranscriptionsOf = (update: Update): Retranscriptions => ({
  retranscribe({ session_id, retranscription }, { language, model, nowMs, dueAtMs }) {
    const was = retranscription?.number;
    const { sets, removes, names, values } = setOrRemove({ language, model });
    return update(session_id, {
      UpdateExpression:
        `SET ${['retranscription = :again', 'due_shard = :due', 'due_at_ms = :at', ...sets].join(', ')}` +
        ` REMOVE ${['detected_language', 'settled_chunks', ...removes].join(', ')}`,
      ConditionExpression: was === undefined ? FIRST_RETRANSCRIPTION : NEXT_RETRANSCRIPTION,
      ExpressionAttributeNames: { '#state': 'state', ...(was !== undefined && { '#number': 'number' }), ...names },
      ExpressionAttributeValues: {
        ':completed': 'completed',
        ':again': { number: (was ?? 0) + 1, requested_at_ms: nowMs, is_queued: false },
        ':due': 'due',
        ':at': dueAtMs,
        ...(was !== undefined && { ':was': was }),
        ...values,
      },
    });
  },

  async noteRequeued({ session_id, retranscription }) {
    await update(session_id, {
      UpdateExpression: 'SET retranscription.is_queued = :yes REMOVE due_shard, due_at_ms',
      ConditionExpression: THIS_RETRANSCRIPTION,
      ExpressionAttributeNames: { '#state': 'state', '#number': 'number' },
      ExpressionAttributeValues: { ':completed': 'completed', ':number': retranscription?.number ?? 0, ':yes': true },
    });
  },
});

export function dynamoSessionStore(db: DynamoDBDocumentClient, table: string): SessionStore {
  const update = updaterOf(db, table, (session_id: string) => ({ session_id }));
  return { ...rowsOf(db, table), ...changesOf(update), ...textChangesOf(update), ...retranscriptionsOf(update) };
}
