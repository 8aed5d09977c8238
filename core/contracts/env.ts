/** Names of environment variables. The stack sets them; each function parses those that it needs. */
import * as z from 'zod';
import { LANES, type Lane } from './lanes.ts';

const name = z.string().min(1);
export const QUEUE_ENV = {
  stop: 'QUEUE_STOP_URL',
  live: 'QUEUE_LIVE_URL',
  'files-urgent': 'QUEUE_FILES_URGENT_URL',
  files: 'QUEUE_FILES_URL',
  backlog: 'QUEUE_BACKLOG_URL',
} as const satisfies Record<Lane, string>;

/** All variables of the functions; each function picks those that it needs. */
export const FunctionEnv = z.object({
  STAGE: name,
  BUCKET_NAME: name,
  SESSIONS_TABLE: name,
  CHUNKS_TABLE: name,
  FLEET_TABLE: name,
  STATE_MACHINE_ARN: name,
  USER_POOL_CLIENT_ID: name,
  LEDGER_TABLE: name,
  SETTINGS_TABLE: name,
  QUOTAS_TABLE: name,
  BATCH_TABLE: name,
  JOBS_TABLE: name,
  WEBHOOKS_TABLE: name,
  WEBHOOK_QUEUE_URL: name,
  /** Whether webhooks to loopback addresses are allowed; only on the local host. */
  WEBHOOK_LOOPBACK: z.stringbool(),
  /** Comma-separated ports that webhook addresses may have besides 443; empty: none. */
  WEBHOOK_PORTS: z.string().transform((ports) => ports.split(',').filter(Boolean).map(Number)),
  /** Comma-separated models that users may request; the first is the stage's default. */
  MODELS: name.transform((names) => names.split(',')),
  /** Whether WAV and FLAC files are kept compressed. */
  COMPRESS_FILES: z.stringbool(),
  /** Open jobs per user, and hours of transcribed audio per user and day (UTC). */
  MAX_OPEN_JOBS: z.coerce.number().int().positive(),
  MAX_AUDIO_HOURS: z.coerce.number().positive(),
  /** Days after which jobs are deleted; 0: never. */
  RETENTION_DAYS: z.coerce.number().int().min(0),
  /** Name of the function that advances batch runs. */
  BATCH_RUNNER: name,
  /** Sender address of mail to users; empty: no mail. */
  MAIL_FROM: z.string(),
  USER_POOL_ID: name,
  /** Hours that recordings can delay the batch. */
  MAX_BLOCKED_HOURS: z.coerce.number().positive(),
  /** USD of GPU time per day (UTC) after which no machine is started. */
  DAILY_BUDGET_USD: z.coerce.number().positive(),
  /** Default of a session's `live`. */
  LIVE_DEFAULT: z.stringbool(),
  /** Whether workers have a speaker model. */
  CAN_DIARIZE: z.stringbool(),
  /** Whether users may save known voices. */
  KNOWN_VOICES: z.stringbool(),
  /** Price of a running GPU machine, in USD per hour. */
  GPU_USD_PER_HOUR: z.coerce.number().nonnegative(),
  /** Seconds of waiting audio for which a run uses one more machine. */
  BACKLOG_SECONDS_PER_MACHINE: z.coerce.number().positive(),
  /** Comma-separated ids of the GPU instances of this stage. */
  INSTANCE_IDS: name.transform((ids) => ids.split(',')),
  [QUEUE_ENV.stop]: name,
  [QUEUE_ENV.live]: name,
  [QUEUE_ENV['files-urgent']]: name,
  [QUEUE_ENV.files]: name,
  [QUEUE_ENV.backlog]: name,
});
export type FunctionEnv = z.infer<typeof FunctionEnv>;

export const queueUrls = (env: Pick<FunctionEnv, (typeof QUEUE_ENV)[Lane]>): Record<Lane, string> =>
  Object.fromEntries(LANES.map((lane) => [lane, env[QUEUE_ENV[lane]]])) as Record<Lane, string>;

/** Names of the variables that `queueUrls` needs. */
export const QUEUE_NAMES = Object.values(QUEUE_ENV);
