import { memoryChunkStore, memoryFleetStore, memoryLedger, memorySessionStore } from '../support/memory-stores.ts';
import { chunkStoreContract, fleetStoreContract, ledgerStoreContract, sessionStoreContract } from './store-suites.ts';

sessionStoreContract('memory', memorySessionStore);
chunkStoreContract('memory', memoryChunkStore);
fleetStoreContract('memory', memoryFleetStore);
ledgerStoreContract('memory', memoryLedger);
