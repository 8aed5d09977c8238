import { monotonicFactory } from 'ulid';
import { costOfSession } from '../../core/ledger/ledger-service.ts';
import { awsIngest, INGEST_ENV } from '../adapters/aws-ingest.ts';
import { documentClient } from '../adapters/clients.ts';
import { dynamoLockStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { dynamoRecordingDefaults } from '../adapters/dynamo-recording-defaults.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  ...INGEST_ENV,
  'SESSIONS_TABLE',
  'BATCH_TABLE',
  'LEDGER_TABLE',
  'GPU_USD_PER_HOUR',
  'USER_POOL_CLIENT_ID',
  'LIVE_DEFAULT',
  'CAN_DIARIZE',
  'MODELS',
  'QUOTAS_TABLE',
  'SETTINGS_TABLE',
);
const db = documentClient();
const ledger = { ledger: dynamoLedgerStore(db, env.LEDGER_TABLE), usdPerHour: env.GPU_USD_PER_HOUR, nowMs: Date.now };

export const handler = buildHandler(
  {
    ...awsIngest(env, db),
    locks: dynamoLockStore(db, env.BATCH_TABLE),
    defaults: dynamoRecordingDefaults(db, env.SETTINGS_TABLE),
    sessions: dynamoSessionStore(db, env.SESSIONS_TABLE),
    readPool: () => dynamoFleetStore(db, env.FLEET_TABLE).readPool(),
    costOf: (sessionId, chunks) => costOfSession(ledger, sessionId, chunks),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    newUlid: monotonicFactory(),
    liveDefault: env.LIVE_DEFAULT,
    canDiarize: env.CAN_DIARIZE,
    models: env.MODELS,
  },
  env.USER_POOL_CLIENT_ID,
);
