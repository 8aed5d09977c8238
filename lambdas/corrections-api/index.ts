import { documentClient } from '../adapters/clients.ts';
import { dynamoRecordingDefaults } from '../adapters/dynamo-recording-defaults.ts';
import { dynamoSettingsStore } from '../adapters/dynamo-settings-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('SETTINGS_TABLE', 'QUOTAS_TABLE', 'USER_POOL_CLIENT_ID');
const db = documentClient();

export const handler = buildHandler(
  {
    defaults: dynamoRecordingDefaults(db, env.SETTINGS_TABLE),
    settings: dynamoSettingsStore(db, env.SETTINGS_TABLE),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    nowMs: Date.now,
  },
  env.USER_POOL_CLIENT_ID,
);
