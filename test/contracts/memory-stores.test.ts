import {
  memoryChunkStore,
  memoryFleetStore,
  memoryLedger,
  memorySessionStore,
  memorySettingsStore,
} from '../support/memory-stores.ts';
import {
  chunkStoreContract,
  fleetStoreContract,
  ledgerStoreContract,
  sessionStoreContract,
  settingsStoreContract,
} from './store-suites.ts';

sessionStoreContract('memory', memorySessionStore);
chunkStoreContract('memory', memoryChunkStore);
fleetStoreContract('memory', memoryFleetStore);
ledgerStoreContract('memory', memoryLedger);
settingsStoreContract('memory', memorySettingsStore);
