import { memoryJobStore } from '../support/job-world.ts';
import {
  memoryBatchStore,
  memoryChunkStore,
  memoryFleetStore,
  memoryLedger,
  memoryLockStore,
  memorySessionStore,
  memorySettingsStore,
} from '../support/memory-stores.ts';
import { jobStoreContract } from './job-store-suite.ts';
import {
  batchStoreContract,
  chunkStoreContract,
  fleetStoreContract,
  ledgerStoreContract,
  lockStoreContract,
  sessionStoreContract,
  settingsStoreContract,
} from './store-suites.ts';

sessionStoreContract('memory', memorySessionStore);
chunkStoreContract('memory', memoryChunkStore);
fleetStoreContract('memory', memoryFleetStore);
ledgerStoreContract('memory', memoryLedger);
settingsStoreContract('memory', memorySettingsStore);
lockStoreContract('memory', memoryLockStore);
batchStoreContract('memory', memoryBatchStore);
jobStoreContract('memory', memoryJobStore);
