import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { GpuIntervalRow, INDEXES, UsageRow } from '../../core/contracts/rows.ts';
import { gpuDay, usageDay } from '../../core/ledger/gpu-time.ts';
import type { LedgerStore } from '../../core/ledger/ports.ts';

export function dynamoLedgerStore(db: DynamoDBDocumentClient, table: string): LedgerStore {
  async function ofDay<Schema extends z.ZodType>(day: string, schema: Schema): Promise<z.infer<Schema>[]> {
    const rows: z.infer<Schema>[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await db.send(
        new QueryCommand({
          TableName: table,
          IndexName: INDEXES.ledgerByDay,
          KeyConditionExpression: '#day = :day',
          ExpressionAttributeNames: { '#day': 'day' },
          ExpressionAttributeValues: { ':day': day },
          ExclusiveStartKey: from,
        }),
      );
      rows.push(...(page.Items ?? []).map((item) => schema.parse(item)));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return rows;
  }

  return {
    async interval(usageId) {
      const { Item } = await db.send(new GetCommand({ TableName: table, Key: { usage_id: usageId }, ConsistentRead: true }));
      return Item === undefined ? undefined : GpuIntervalRow.parse(Item);
    },
    async putInterval(row) {
      await db.send(new PutCommand({ TableName: table, Item: row }));
    },
    intervalsOf: (day) => ofDay(gpuDay(day), GpuIntervalRow),
    usagesOf: (day) => ofDay(usageDay(day), UsageRow),
  };
}
