import { documents } from '../adapters/clients.ts';
import { dynamoSettingsStore } from '../adapters/dynamo-settings-store.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('SETTINGS_TABLE', 'USER_POOL_CLIENT_ID');

export const handler = buildHandler(dynamoSettingsStore(documents(), env.SETTINGS_TABLE), env.USER_POOL_CLIENT_ID);
