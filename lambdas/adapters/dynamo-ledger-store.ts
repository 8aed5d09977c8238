import { type DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { DaySumRow, GpuIntervalRow, INDEXES, UsageRow } from '../../core/contracts/rows.ts';
import { gpuDay, sumMonth, usageDay } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';
import { queryAll } from './query-all.ts';
import { readRow } from './read-row.ts';

export function dynamoLedgerStore(db: DynamoDBDocumentClient, table: string): LedgerStore {
  async function ofDay<Schema extends z.ZodType>(day: string, schema: Schema): Promise<z.infer<Schema>[]> {
    const items = await queryAll(db, {
      TableName: table,
      IndexName: INDEXES.ledgerByDay,
      KeyConditionExpression: '#day = :day',
      ExpressionAttributeNames: { '#day': 'day' },
      ExpressionAttributeValues: { ':day': day },
    });
    return items.map((item) => schema.parse(item));
  }

  return {
    interval: (usageId) => readRow(db, table, { usage_id: usageId }, GpuIntervalRow),
    async putInterval(row) {
      await db.send(new PutCommand({ TableName: table, Item: row }));
    },
    intervalsOf: (day) => ofDay(gpuDay(day), GpuIntervalRow),
    usagesOf: (day) => ofDay(usageDay(day), UsageRow),
    sumsOf: (month) => ofDay(sumMonth(month), DaySumRow),
    async putSum(row) {
      await db.send(new PutCommand({ TableName: table, Item: row }));
    },
    async newestUsageOf(day) {
      const { Items: [newest] = [] } = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.ledgerByDay,
          KeyConditionExpression: '#day = :day',
          ExpressionAttributeNames: { '#day': 'day' },
          ExpressionAttributeValues: { ':day': usageDay(day) },
          ScanIndexForward: false,
          Limit: 1,
        }),
      );
      return newest === undefined ? undefined : UsageRow.parse(newest);
    },
  };
}
