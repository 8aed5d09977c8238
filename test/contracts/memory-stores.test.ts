import { memoryChunkStore, memoryFleetStore, memorySessionStore } from '../support/memory-stores.ts';
import { chunkStoreContract, fleetStoreContract, sessionStoreContract } from './store-suites.ts';

sessionStoreContract('memory', memorySessionStore);
chunkStoreContract('memory', memoryChunkStore);
fleetStoreContract('memory', memoryFleetStore);
