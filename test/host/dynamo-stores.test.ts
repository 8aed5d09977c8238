import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeAll } from 'vitest';
import { dynamoBatchStore, dynamoLockStore } from '../../lambdas/adapters/dynamo-batch-store.ts';
import { dynamoChunkStore } from '../../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../../lambdas/adapters/dynamo-fleet-store.ts';
import { dynamoJobStore } from '../../lambdas/adapters/dynamo-job-store.ts';
import { dynamoKnownVoices } from '../../lambdas/adapters/dynamo-known-voices.ts';
import { dynamoLedgerStore } from '../../lambdas/adapters/dynamo-ledger-store.ts';
import { dynamoSessionStore } from '../../lambdas/adapters/dynamo-session-store.ts';
import { dynamoSettingsStore } from '../../lambdas/adapters/dynamo-settings-store.ts';
import { batchStoreContract, lockStoreContract } from '../contracts/batch-store-suite.ts';
import { chunkStoreContract } from '../contracts/chunk-store-suite.ts';
import { fleetStoreContract, ledgerStoreContract } from '../contracts/fleet-store-suite.ts';
import { jobStoreContract } from '../contracts/job-store-suite.ts';
import { knownVoiceStoreContract } from '../contracts/known-voice-store-suite.ts';
import { sessionStoreContract } from '../contracts/session-store-suite.ts';
import { settingsStoreContract } from '../contracts/settings-store-suite.ts';
import { db, output } from './support.ts';

/** A copy of each table with its keys and indexes, which no function reads or writes. */
const own = (name: string): string => `${output(name)}-contract`;
const TABLES = ['SessionsTable', 'ChunksTable', 'LedgerTable', 'FleetTable', 'SettingsTable', 'BatchTable', 'JobsTable'];
beforeAll(async () => {
  const client = new DynamoDBClient();
  for (const name of TABLES) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: output(name) }));
    const indexes = Table?.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
      IndexName,
      KeySchema,
      Projection,
    }));
    await client.send(
      new CreateTableCommand({
        TableName: own(name),
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: Table?.AttributeDefinitions,
        KeySchema: Table?.KeySchema,
        ...(indexes && { GlobalSecondaryIndexes: indexes }),
      }),
    );
  }
});

sessionStoreContract('DynamoDB', () => dynamoSessionStore(db, own('SessionsTable')));
chunkStoreContract('DynamoDB', () => dynamoChunkStore(db, own('ChunksTable')));
ledgerStoreContract('DynamoDB', () => dynamoLedgerStore(db, own('LedgerTable')));
fleetStoreContract('DynamoDB', () => dynamoFleetStore(db, own('FleetTable')));
settingsStoreContract('DynamoDB', () => dynamoSettingsStore(db, own('SettingsTable')));
knownVoiceStoreContract('DynamoDB', () => dynamoKnownVoices(db, own('SettingsTable')));
lockStoreContract('DynamoDB', () => dynamoLockStore(db, own('BatchTable')));
batchStoreContract('DynamoDB', () => dynamoBatchStore(db, own('BatchTable')));
jobStoreContract('DynamoDB', () => dynamoJobStore(db, own('JobsTable')));
