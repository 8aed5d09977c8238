import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { correctors } from '../../core/corrections/settings.ts';
import { assembleSession } from '../../core/transcripts/assemble.ts';
import { notifyBatchSubscribers } from '../../core/webhooks/outbox.ts';
import { awsIngest, INGEST_ENV } from '../adapters/aws-ingest.ts';
import { awsWebhooks } from '../adapters/aws-webhooks.ts';
import { documentClient, s3Client } from '../adapters/clients.ts';
import { cloudWatchMetrics } from '../adapters/cloudwatch-metric.ts';
import { dynamoBatchStore, dynamoLockStore, dynamoNoticeStore } from '../adapters/dynamo-batch-store.ts';
import { dynamoFleetStore } from '../adapters/dynamo-fleet-store.ts';
import { dynamoLedgerStore } from '../adapters/dynamo-ledger-store.ts';
import { dynamoSessionStore } from '../adapters/dynamo-session-store.ts';
import { dynamoSettingsStore } from '../adapters/dynamo-settings-store.ts';
import { s3BucketListing, s3CanonicalResults, s3RunFiles } from '../adapters/s3-batch.ts';
import { s3Results } from '../adapters/s3-objects.ts';
import { awsMailer } from '../adapters/ses-mailer.ts';
import { parseEnv } from '../runtime/parse-env.ts';
import { logSkipped } from '../runtime/skipped-rules.ts';
import { buildHandler } from './handler.ts';

const env = parseEnv(
  ...INGEST_ENV,
  'STAGE',
  'SESSIONS_TABLE',
  'SETTINGS_TABLE',
  'BATCH_TABLE',
  'LEDGER_TABLE',
  'GPU_USD_PER_HOUR',
  'MAX_BLOCKED_HOURS',
  'MAIL_FROM',
  'WEBHOOKS_TABLE',
  'WEBHOOK_QUEUE_URL',
  'USER_POOL_ID',
);
const [db, s3] = [documentClient(), s3Client()];
const sessions = dynamoSessionStore(db, env.SESSIONS_TABLE);
const ingest = awsIngest(env, db);
const results = s3Results(s3, env.BUCKET_NAME);
const settings = dynamoSettingsStore(db, env.SETTINGS_TABLE);

export const handler = buildHandler({
  ...ingest,
  sessions,
  bucket: s3BucketListing(s3, env.BUCKET_NAME),
  canonical: s3CanonicalResults(s3, env.BUCKET_NAME),
  files: s3RunFiles(s3, env.BUCKET_NAME),
  locks: dynamoLockStore(db, env.BATCH_TABLE),
  batch: dynamoBatchStore(db, env.BATCH_TABLE),
  ledger: dynamoLedgerStore(db, env.LEDGER_TABLE),
  usdPerHour: env.GPU_USD_PER_HOUR,
  readPool: () => dynamoFleetStore(db, env.FLEET_TABLE).readPool(),
  assemble: (sessionId) =>
    assembleSession(
      { sessions, chunks: ingest.chunks, results, correctorFor: correctors(settings, logSkipped), nowMs: ingest.nowMs },
      sessionId,
    ),
  notices: dynamoNoticeStore(db, env.BATCH_TABLE),
  mailer: awsMailer(env),
  readTranscript: results.readTranscript,
  notifyEnd: (run, report) => notifyBatchSubscribers(awsWebhooks(env, db), run, report),
  publish: cloudWatchMetrics(new CloudWatchClient(), env.STAGE),
  maxBlockedHours: env.MAX_BLOCKED_HOURS,
});
