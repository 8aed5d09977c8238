import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { UsageCounter } from '../../core/quota/quota.ts';

const Counted = z.object({ uses: z.number() });

export function dynamoUsageCounter(db: DynamoDBDocumentClient, table: string): UsageCounter {
  return {
    async count(window, expiresAtMs, uses = 1) {
      const { Attributes } = await db.send(
        new UpdateCommand({
          TableName: table,
          Key: { id: window },
          UpdateExpression: 'ADD uses :more SET expires_at_s = :end',
          ExpressionAttributeValues: { ':more': uses, ':end': Math.ceil(expiresAtMs / 1000) },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return Counted.parse(Attributes).uses;
    },
  };
}
