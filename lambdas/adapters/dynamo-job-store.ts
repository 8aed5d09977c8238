import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { JobRow } from '../../core/contracts/jobs.ts';
import { INDEXES } from '../../core/contracts/rows.ts';
import { DomainError } from '../../core/errors.ts';
import type { JobStore } from '../../core/file-jobs/ports.ts';
import { conditional } from './conditional.ts';
import { queryAll } from './query-all.ts';

const NOT_THERE = 'attribute_not_exists(job_id)';
const SAME_VERSION = 'version = :was';
const NOBODYS = 'attribute_not_exists(job_id) OR #owner = :instead';
/** Rows beside the jobs: what a key has made, and who does the work for a content. */
const keyRow = (key: string): string => `key#${key}`;
const contentRow = (contentId: string): string => `content#${contentId}`;

const Made = z.object({ made: z.string(), request: z.string() });
const Content = z.object({ owner: z.string(), askers: z.set(z.string()).default(new Set()) });

/** A cursor is the last key of a page; the user is not part of it. */
const CursorKey = z.object({ job_id: z.string(), created_at_ms: z.number() });
const encodeCursor = (key: unknown): string => Buffer.from(JSON.stringify(CursorKey.parse(key))).toString('base64url');
function decodeCursor(cursor: string): z.infer<typeof CursorKey> {
  try {
    return CursorKey.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new DomainError('malformed', 'the cursor is not one of ours', {}, { cause });
  }
}

export function dynamoJobStore(db: DynamoDBDocumentClient, table: string): JobStore {
  const read = async (id: string): Promise<Record<string, unknown> | undefined> =>
    (await db.send(new GetCommand({ TableName: table, Key: { job_id: id }, ConsistentRead: true }))).Item;

  return {
    create: (row) => conditional(db.send(new PutCommand({ TableName: table, Item: row, ConditionExpression: NOT_THERE }))),

    async get(jobId) {
      const item = await read(jobId);
      return item === undefined ? undefined : JobRow.parse(item);
    },

    replace: (was, now) =>
      conditional(
        db.send(
          new PutCommand({
            TableName: table,
            Item: now,
            ConditionExpression: SAME_VERSION,
            ExpressionAttributeValues: { ':was': was.version },
          }),
        ),
      ),

    async listOf(userId, limit, cursor, status) {
      const { Items, LastEvaluatedKey } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.jobsByUser,
          KeyConditionExpression: 'user_id = :user',
          FilterExpression: status === undefined ? '#status <> :status' : '#status = :status',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':user': userId, ':status': status ?? 'deleted' },
          ScanIndexForward: false,
          Limit: limit,
          ExclusiveStartKey: cursor === undefined ? undefined : { ...decodeCursor(cursor), user_id: userId },
        }),
      );
      const items = z.array(JobRow).parse(Items ?? []);
      return { items, ...(LastEvaluatedKey && { cursor: encodeCursor(LastEvaluatedKey) }) };
    },

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

    async listDue(nowMs, limit) {
      const { Items } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.jobsDue,
          KeyConditionExpression: 'due_shard = :due AND due_at_ms <= :now',
          ExpressionAttributeValues: { ':due': 'due', ':now': nowMs },
          Limit: limit,
        }),
      );
      return z.array(JobRow).parse(Items ?? []);
    },

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
      try {
        const Item = { job_id: keyRow(key), made: jobId, request, expires_at_s: Math.ceil(expiresAtMs / 1000) };
        await db.send(new PutCommand({ TableName: table, Item, ConditionExpression: NOT_THERE }));
        return { jobId, request };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const item = await read(keyRow(key));
        if (item === undefined) return this.remember(key, { jobId, request }, expiresAtMs); // it was just forgotten
        const known = Made.parse(item);
        return { jobId: known.made, request: known.request };
      }
    },

    async claimContent(contentId, jobId, instead = '') {
      const Key = { job_id: contentRow(contentId) };
      const names = { '#owner': 'owner' };
      await conditional(
        db.send(
          new UpdateCommand({
            TableName: table,
            Key,
            UpdateExpression: 'SET #owner = :job',
            ConditionExpression: NOBODYS,
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: { ':job': jobId, ':instead': instead },
          }),
        ),
      );
      const { Attributes } = await db.send(
        new UpdateCommand({
          TableName: table,
          Key,
          UpdateExpression: 'ADD askers :job',
          ExpressionAttributeValues: { ':job': new Set([jobId]) },
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Content.parse(Attributes).owner;
    },

    async askersOf(contentId) {
      const item = await read(contentRow(contentId));
      return item === undefined ? [] : [...Content.parse(item).askers];
    },
  };
}
