import { ulid } from 'ulid';
import { checkWebhookUrl } from '../../core/webhooks/address.ts';
import { awsJobs, JOBS_ENV } from '../adapters/aws-jobs.ts';
import { documentClient, s3Client } from '../adapters/clients.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoUsageCounter } from '../adapters/dynamo-usage-counter.ts';
import { s3PartSigner } from '../adapters/s3-files.ts';
import { s3ExportStore, s3Presigner } from '../adapters/s3-objects.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  ...JOBS_ENV,
  'USER_POOL_CLIENT_ID',
  'MODELS',
  'CAN_DIARIZE',
  'COMPRESS_FILES',
  'RETENTION_DAYS',
  'MAX_OPEN_JOBS',
  'WEBHOOK_LOOPBACK',
  'WEBHOOK_PORTS',
  'MAX_AUDIO_HOURS',
);
const [db, s3] = [documentClient(), s3Client()];
const { upload, download } = s3Presigner(s3, env.BUCKET_NAME, Date.now);

export const handler = buildHandler(
  {
    ...awsJobs(env, db),
    usage: dynamoUsageCounter(db, env.QUOTAS_TABLE),
    readPool: () => dynamoFleetStore(db, env.FLEET_TABLE).readPool(),
    newUlid: ulid,
    sign: upload,
    signPart: s3PartSigner(s3, env.BUCKET_NAME, Date.now),
    downloadUrl: download,
    storeExport: s3ExportStore(s3, env.BUCKET_NAME),
    checkCallback: (url) => void checkWebhookUrl(url, { allowLoopback: env.WEBHOOK_LOOPBACK, ports: env.WEBHOOK_PORTS }),
    stage: {
      models: env.MODELS,
      canDiarize: env.CAN_DIARIZE,
      compressFiles: env.COMPRESS_FILES,
      retentionDays: env.RETENTION_DAYS,
    },
    maxOpenJobs: env.MAX_OPEN_JOBS,
    maxAudioHours: env.MAX_AUDIO_HOURS,
  },
  env.USER_POOL_CLIENT_ID,
);
