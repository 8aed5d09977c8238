import { type DynamoDBDocumentClient, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { JobRow, MAX_SHARING_JOBS } from '../../core/contracts/jobs.ts';
import { INDEXES } from '../../core/contracts/rows.ts';
import type { JobStore } from '../../core/file-jobs/ports.ts';
import { conditional, putIf, putNew, updaterOf } from './conditional.ts';
import { dueRows } from './due-rows.ts';
import { queryAll } from './query-all.ts';
import { readRow } from './read-row.ts';
import { userPage } from './user-pages.ts';

const DOES_NOT_EXIST = 'attribute_not_exists(job_id)';
const SAME_VERSION = 'version = :was';
/** `askers` is the stored name of the jobs that share a content. */
const ROOM_FOR_SHARER = 'attribute_not_exists(askers) OR size(askers) < :most OR contains(askers, :job)';
const UNCLAIMED_OR_OWNED_BY = 'attribute_not_exists(job_id) OR #owner = :instead';
/** Rows besides the jobs: the job created for an idempotency key, and the job that transcribes a content. */
const keyRow = (key: string): string => `key#${key}`;
const contentRow = (contentId: string): string => `content#${contentId}`;

const Made = z.object({ made: z.string(), request: z.string() });
const Content = z.object({ owner: z.string(), askers: z.set(z.string()).default(new Set()) });

export function dynamoJobStore(db: DynamoDBDocumentClient, table: string): JobStore {
  const update = updaterOf(db, table, (job_id: string) => ({ job_id }));

  return {
    create: (row) => putIf(db, { TableName: table, Item: row, ConditionExpression: DOES_NOT_EXIST }),

    get: (jobId) => readRow(db, table, { job_id: jobId }, JobRow),

    replace: (was, now) =>
      putIf(db, {
        TableName: table,
        Item: now,
        ConditionExpression: SAME_VERSION,
        ExpressionAttributeValues: { ':was': was.version },
      }),

    listOf: (userId, limit, cursor, status) =>
      userPage(
        db,
        {
          TableName: table,
          IndexName: INDEXES.jobsByUser,
          FilterExpression: status === undefined ? '#status <> :status' : '#status = :status',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':status': status ?? 'deleted' },
        },
        { schema: JobRow, id: 'job_id' },
        userId,
        limit,
        cursor,
      ),

    async countOpen(userId) {
      let count = 0;
      let from: Record<string, unknown> | undefined;
      do {
        const page = await db.send(
          new QueryCommand({
            TableName: table,
            IndexName: INDEXES.jobsOpen,
            KeyConditionExpression: 'open_of = :user',
            ExpressionAttributeValues: { ':user': userId },
            Select: 'COUNT',
            ExclusiveStartKey: from,
          }),
        );
        count += page.Count ?? 0;
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return count;
    },

    listDue: (nowMs, limit) => dueRows(db, { TableName: table, IndexName: INDEXES.jobsDue }, JobRow, nowMs, limit),

    async listStuck(limit) {
      const items = await queryAll(db, {
        TableName: table,
        IndexName: INDEXES.jobsDue,
        KeyConditionExpression: 'due_shard = :due',
        FilterExpression: 'resumes > :none AND #status IN (:pending, :processing)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':due': 'due', ':none': 0, ':pending': 'pending', ':processing': 'processing' },
      });
      return z.array(JobRow).parse(items.slice(0, limit));
    },

    async remember(key, { jobId, request }, expiresAtMs) {
      const Item = { job_id: keyRow(key), made: jobId, request, expires_at_s: Math.ceil(expiresAtMs / 1000) };
      const existing = await putNew(db, { TableName: table, Item, ConditionExpression: DOES_NOT_EXIST });
      if (existing === undefined) return { jobId, request };
      const known = Made.parse(existing);
      return { jobId: known.made, request: known.request };
    },

    async claimContent(contentId, jobId, instead = '') {
      const row = contentRow(contentId);
      await update(row, {
        UpdateExpression: 'SET #owner = :job',
        ConditionExpression: UNCLAIMED_OR_OWNED_BY,
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: { ':job': jobId, ':instead': instead },
      });
      const addSharer = db.send(
        new UpdateCommand({
          TableName: table,
          Key: { job_id: row },
          UpdateExpression: 'ADD askers :asker',
          ConditionExpression: ROOM_FOR_SHARER,
          ExpressionAttributeValues: { ':asker': new Set([jobId]), ':job': jobId, ':most': MAX_SHARING_JOBS },
          ReturnValues: 'ALL_NEW',
        }),
      );
      if (!(await conditional(addSharer))) return jobId;
      return Content.parse((await addSharer).Attributes).owner;
    },

    async jobsSharing(contentId) {
      const content = await readRow(db, table, { job_id: contentRow(contentId) }, Content);
      return [...(content?.askers ?? [])];
    },
  };
}
