import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { InstanceRow, PoolRow } from '../../core/contracts/rows.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { transact } from './conditional.ts';
import { readItem } from './read-row.ts';

const UNWRITTEN_OR_SAME_VERSION = 'attribute_not_exists(id) OR version = :version';
const SAME_VERSION = 'version = :version';

interface Versioned {
  readonly from: { readonly version: number };
  readonly to: PoolRow | InstanceRow;
}

export function dynamoFleetStore(db: DynamoDBDocumentClient, table: string): FleetStore {
  const read = (id: string) => readItem(db, table, { id });

  const put = ({ from, to }: Versioned) => ({
    Put: {
      TableName: table,
      Item: to,
      ConditionExpression: from.version === 0 ? UNWRITTEN_OR_SAME_VERSION : SAME_VERSION,
      ExpressionAttributeValues: { ':version': from.version },
    },
  });

  return {
    // A row written only by `raiseWanted` has only some of the fields.
    readPool: async () => PoolRow.parse({ ...emptyPool(), ...(await read('pool')) }),
    readInstance: async (instanceId) => InstanceRow.parse({ ...emptyInstance(instanceId), ...(await read(instanceId)) }),

    async raiseWanted() {
      const { Attributes } = await db.send(
        new UpdateCommand({
          TableName: table,
          Key: { id: 'pool' },
          UpdateExpression: 'ADD wanted_seq :one, version :one',
          ExpressionAttributeValues: { ':one': 1 },
          ReturnValues: 'ALL_NEW',
        }),
      );
      return PoolRow.parse({ ...emptyPool(), ...Attributes });
    },

    commit: ({ pool, instances = [] }) => transact(db, [...(pool === undefined ? [] : [pool]), ...instances].map(put)),
  };
}
