import { documents, objectStorage } from '../adapters/clients.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { s3Presigner, s3Results } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv('BUCKET_NAME', 'SESSIONS_TABLE', 'USER_POOL_CLIENT_ID');
const s3 = objectStorage();

export const handler = buildHandler(
  {
    sessions: dynamoSessionStore(documents(), env.SESSIONS_TABLE),
    readTranscript: s3Results(s3, env.BUCKET_NAME).readTranscript,
    downloadUrl: s3Presigner(s3, env.BUCKET_NAME, Date.now).download,
  },
  env.USER_POOL_CLIENT_ID,
);
