import { dynamoBatchStore, dynamoLockStore } from '../../lambdas/adapters/dynamo-batch-store.ts';
import { dynamoChunkStore } from '../../lambdas/adapters/dynamo-chunk-store.ts';
import { dynamoFleetStore } from '../../lambdas/adapters/dynamo-fleet-store.ts';
import { dynamoJobStore } from '../../lambdas/adapters/dynamo-job-store.ts';
import { dynamoLedgerStore } from '../../lambdas/adapters/dynamo-ledger-store.ts';
import { dynamoSessionStore } from '../../lambdas/adapters/dynamo-session-store.ts';
import { dynamoSettingsStore } from '../../lambdas/adapters/dynamo-settings-store.ts';
import { jobStoreContract } from '../contracts/job-store-suite.ts';
import {
  batchStoreContract,
  chunkStoreContract,
  fleetStoreContract,
  ledgerStoreContract,
  lockStoreContract,
  sessionStoreContract,
  settingsStoreContract,
} from '../contracts/store-suites.ts';
import { db, output } from './support.ts';

sessionStoreContract('DynamoDB', () => dynamoSessionStore(db, output('SessionsTable')));
chunkStoreContract('DynamoDB', () => dynamoChunkStore(db, output('ChunksTable')));
ledgerStoreContract('DynamoDB', () => dynamoLedgerStore(db, output('LedgerTable')));
fleetStoreContract('DynamoDB', () => dynamoFleetStore(db, output('FleetTable')));
settingsStoreContract('DynamoDB', () => dynamoSettingsStore(db, output('SettingsTable')));
lockStoreContract('DynamoDB', () => dynamoLockStore(db, output('BatchTable')));
batchStoreContract('DynamoDB', () => dynamoBatchStore(db, output('BatchTable')));
jobStoreContract('DynamoDB', () => dynamoJobStore(db, output('JobsTable')));
