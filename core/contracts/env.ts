/** Environment names, said once: the stack writes them, each function parses what it needs. */
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

/** Everything a function may be given; each takes the part it names. */
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
  /** Whether users may have loopback addresses called: on the local host only. */
  WEBHOOK_LOOPBACK: z.stringbool(),
  /** Comma-separated names of models that users may ask for; the first is the stage's own. */
  MODELS: name.transform((names) => names.split(',')),
  /** Whether WAV and FLAC files are kept compressed. */
  COMPRESS_FILES: z.stringbool(),
  /** Jobs that a user may have open at a time, and hours of audio that they may have transcribed in a day (UTC). */
  MAX_OPEN_JOBS: z.coerce.number().int().positive(),
  MAX_AUDIO_HOURS: z.coerce.number().positive(),
  /** Days after which jobs are forgotten; 0: never. */
  RETENTION_DAYS: z.coerce.number().int().min(0),
  /** The function that moves batch runs on. */
  BATCH_RUNNER: name,
  /** Sender of mail to users; empty: none is sent. */
  MAIL_FROM: z.string(),
  USER_POOL_ID: name,
  /** Hours that recordings may hold the batch back. */
  MAX_BLOCKED_HOURS: z.coerce.number().positive(),
  /** USD that the GPU may cost in one day (UTC) before no machine is started any more. */
  DAILY_BUDGET_USD: z.coerce.number().positive(),
  /** Whether sessions that do not say so are transcribed while they are recorded. */
  LIVE_DEFAULT: z.stringbool(),
  /** Whether workers have a speaker model. */
  CAN_DIARIZE: z.stringbool(),
  /** Price of a running GPU machine. */
  GPU_USD_PER_HOUR: z.coerce.number().nonnegative(),
  /** Seconds of waiting audio for which a run takes one machine more. */
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

/** All environment names that `queueUrls` needs. */
export const QUEUE_NAMES = Object.values(QUEUE_ENV);
