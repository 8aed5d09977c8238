import { type DynamoDBDocumentClient, GetCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { InstanceRow, PoolRow } from '../../core/contracts/rows.ts';
import type { FleetStore } from '../../core/fleet/ports.ts';
import { emptyInstance, emptyPool } from '../../core/fleet/rows.ts';
import { isFailedCondition } from './retry-conflicts.ts';

const UNWRITTEN_OR_SAME_VERSION = 'attribute_not_exists(id) OR version = :version';
const SAME_VERSION = 'version = :version';

interface Versioned {
  readonly from: { readonly version: number };
  readonly to: PoolRow | InstanceRow;
}

export function dynamoFleetStore(db: DynamoDBDocumentClient, table: string): FleetStore {
  const read = async (id: string): Promise<Record<string, unknown> | undefined> =>
    (await db.send(new GetCommand({ TableName: table, Key: { id }, ConsistentRead: true }))).Item;

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

    async commit({ pool, instances = [] }) {
      const changes = [...(pool === undefined ? [] : [pool]), ...instances];
      try {
        await db.send(new TransactWriteCommand({ TransactItems: changes.map(put) }));
        return 'committed';
      } catch (error) {
        if (isFailedCondition(error)) return 'conflict';
        throw error;
      }
    },
  };
}
