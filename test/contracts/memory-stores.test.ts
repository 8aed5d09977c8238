import { memoryJobStore } from '../support/job-world.ts';
import { memoryBatchStore, memoryLockStore } from '../support/memory-batch.ts';
import { memoryKnownVoices } from '../support/memory-recording.ts';
import {
  memoryChunkStore,
  memoryFleetStore,
  memoryLedger,
  memorySessionStore,
  memorySettingsStore,
} from '../support/memory-stores.ts';
import { batchStoreContract, lockStoreContract } from './batch-store-suite.ts';
import { chunkStoreContract } from './chunk-store-suite.ts';
import { fleetStoreContract, ledgerStoreContract } from './fleet-store-suite.ts';
import { jobStoreContract } from './job-store-suite.ts';
import { knownVoiceStoreContract } from './known-voice-store-suite.ts';
import { sessionStoreContract } from './session-store-suite.ts';
import { settingsStoreContract } from './settings-store-suite.ts';

sessionStoreContract('memory', memorySessionStore);
chunkStoreContract('memory', memoryChunkStore);
fleetStoreContract('memory', memoryFleetStore);
ledgerStoreContract('memory', memoryLedger);
settingsStoreContract('memory', memorySettingsStore);
knownVoiceStoreContract('memory', memoryKnownVoices);
lockStoreContract('memory', memoryLockStore);
batchStoreContract('memory', memoryBatchStore);
jobStoreContract('memory', memoryJobStore);
