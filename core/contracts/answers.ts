/** Responses of the HTTP API. Tests check the functions' responses against them; docs/openapi.json is generated from them. */
import * as z from 'zod';
import { BATCH_STATUSES, BATCH_TRIGGERS } from './batch.ts';
import { JOB_STATES, PRIORITIES } from './jobs.ts';
import { LANES } from './lanes.ts';
import { CHANNELS } from './media.ts';
import { BatchReport, PendingJobs } from './report.ts';
import { DELIVERY_STATES, WEBHOOK_EVENTS } from './webhooks.ts';

const time = z.iso.datetime();
const seconds = z.number().min(0);
const WaitReason = z.enum(['failures', 'capacity', 'budget']);
const Waiting = z.strictObject({ reason: WaitReason, until: time });

export const Session = z.strictObject({
  id: z.string(),
  userId: z.string(),
  title: z.string().optional(),
  language: z.string().optional(),
  detectedLanguage: z
    .string()
    .optional()
    .meta({ description: 'First language that was detected with confidence; used for chunks whose own detection is unsure.' }),
  model: z.string().optional().meta({ description: "A model other than the stage's default." }),
  live: z.boolean(),
  diarize: z.boolean().optional(),
  ...{ minSpeakers: z.number().int().optional(), maxSpeakers: z.number().int().optional() },
  channels: z.enum(CHANNELS).optional(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  state: z.enum(['recording', 'completed']),
  createdAt: time,
  recordedAt: time.optional().meta({ description: 'When the recording began, if the client declared it.' }),
  completedAt: time.optional(),
  chunkCount: z.number().int().optional(),
  abandoned: z.boolean().optional().meta({
    description: 'Whether the session was closed half an hour after its last chunk, because `complete` was never sent.',
  }),
  transcriptStatus: z.enum(['completed', 'partial']).optional(),
  retranscribing: z
    .boolean()
    .optional()
    .meta({ description: 'Whether the session is being transcribed again; until that is done, the current text stays.' }),
});

const Statistics = z.strictObject({
  known: z.number().int(),
  cached: z.number().int(),
  failed: z.number().int(),
  pending: z.number().int(),
  missing: z.number().int().meta({ description: 'Expected chunk numbers that were never uploaded.' }),
  secondsCovered: seconds,
  targetWords: z.record(z.string(), z.number().int()),
});

const Chunk = z.strictObject({
  chunkNumber: z.number().int(),
  state: z.enum(['pending', 'leased', 'done', 'dead']),
  sizeBytes: z.number().int(),
  attempts: z.number().int(),
  durationSeconds: seconds.optional(),
  startedAt: time
    .optional()
    .meta({ description: "Time of day at which it begins, by the recorder's clock, if that was declared." }),
  error: z.string().optional(),
  waitingFor: WaitReason.optional(),
  targetWords: z.record(z.string(), z.number().int()).optional().meta({ description: 'Target words that occur in its text.' }),
});

const Retranscription = z.strictObject({
  requestedAt: time,
  chunks: z.number().int().meta({ description: 'Chunks to transcribe again.' }),
  done: z.number().int(),
  failed: z.number().int().meta({ description: 'Chunks that could not be transcribed again; they keep their text.' }),
});

export const SessionDetails = Session.extend({
  retranscription: Retranscription.optional().meta({ description: 'The most recent retranscription.' }),
  chunks: z.array(Chunk),
  holes: z.array(z.number().int()).meta({ description: 'Chunk numbers that were never uploaded.' }),
  statistics: Statistics,
  waitingFor: Waiting.optional().meta({ description: 'Why no machine starts for pending chunks, and until when.' }),
});

export const Resumed = Session.extend({
  nextChunkNumber: z.number().int().meta({ description: 'Number of the next chunk.' }),
  resumptions: z.number().int().meta({ description: 'How often the recording has gone on. Send it with `complete`.' }),
});

export const SessionList = z.strictObject({
  sessions: z.array(Session),
  cursor: z.string().optional().meta({ description: 'Pass it as `cursor` to get the next page.' }),
});

export const Upload = z.strictObject({
  key: z.string(),
  upload: z.strictObject({
    method: z.literal('PUT'),
    url: z.string(),
    headers: z
      .record(z.string(), z.string())
      .meta({ description: 'Headers that must be sent unchanged, because they are signed.' }),
    expiresAt: z.string(),
  }),
});

export const Completed = z.strictObject({
  id: z.string(),
  state: z.literal('completed'),
  chunkCount: z.number().int(),
  waiting: z.number().int().meta({ description: 'Chunks that are not transcribed yet.' }),
});

export const Retranscribed = z.strictObject({
  id: z.string(),
  retranscribing: z.boolean(),
  model: z.string(),
  language: z.string().optional().meta({ description: 'If absent, the language is detected.' }),
  retranscription: Retranscription.optional(),
});
export const CacheStatistics = Statistics.extend({ id: z.string() });
export const Cost = z.strictObject({ id: z.string(), gpuSeconds: seconds, usd: z.number() });
export const Retried = z.strictObject({ id: z.string(), chunkNumber: z.number().int(), state: z.literal('pending') });
export const RangeJob = z.strictObject({
  id: z.string(),
  start: seconds,
  end: seconds,
  status: z.enum(['queued', 'completed']),
  waitingFor: z.array(z.number().int()).meta({ description: 'Chunks of the range that have no text yet.' }),
  transcript: z.string().meta({ description: "Path of the range's text, which is available when these chunks are transcribed." }),
});
export const RangeText = z.strictObject({
  text: z.string().nullable(),
  coverage: z.number().min(0).max(1),
  source: z.enum(['cache', 'none']),
});
export const Turns = z.strictObject({
  id: z.string(),
  turns: z.array(z.strictObject({ speaker: z.string(), start: seconds, end: seconds, text: z.string() })),
});

export const EditsSaved = z.strictObject({ version: z.number().int() });
export const Audio = z.strictObject({
  chunks: z.array(z.strictObject({ chunkNumber: z.number().int(), start: seconds, end: seconds, url: z.string() })),
  next: z.number().int().optional().meta({ description: 'First chunk number of the next page.' }),
  expiresInSeconds: z.number().int(),
});
export const Peaks = z.strictObject({
  durationSeconds: seconds,
  secondsPerPoint: z.number().positive(),
  peaks: z.array(z.number().int().min(0).max(255)),
});

const SingleUpload = Upload.shape.upload.extend({ kind: z.literal('single') });
const PartsUpload = z.strictObject({
  kind: z.literal('parts'),
  partSizeBytes: z.number().int(),
  partCount: z.number().int(),
  expiresAt: time,
});
export const JobCreated = z.strictObject({
  id: z.string(),
  status: z.enum(JOB_STATES),
  upload: z.discriminatedUnion('kind', [SingleUpload, PartsUpload]),
});
export const PartUrls = z.strictObject({
  parts: z.array(
    z.strictObject({
      partNumber: z.number().int(),
      method: z.literal('PUT'),
      url: z.string(),
      headers: z.record(z.string(), z.string()),
      expiresAt: time,
    }),
  ),
  uploaded: z
    .array(z.strictObject({ partNumber: z.number().int(), sizeBytes: z.number().int() }))
    .meta({ description: 'Parts that are already uploaded.' }),
  upload: SingleUpload.optional().meta({ description: 'A new upload URL, for a file that is uploaded in one piece.' }),
});
export const Job = z.strictObject({
  id: z.string(),
  userId: z.string(),
  filename: z.string(),
  sizeBytes: z.number().int(),
  status: z.enum(JOB_STATES),
  progress: z.number().min(0).max(100).meta({ description: 'Percent with one decimal; it never decreases.' }),
  stage: z.string(),
  error: z.string().nullable(),
  language: z.string().optional(),
  model: z.string(),
  priority: z.enum(PRIORITIES),
  channels: z.enum(CHANNELS).optional(),
  createdAt: time,
  recordedAt: time.optional().meta({ description: 'When the recording began, as declared, otherwise as the file tells.' }),
  startedAt: time.nullable(),
  completedAt: time.nullable(),
  durationSeconds: seconds.optional(),
  sameAs: z.string().optional().meta({ description: 'Another job with the same content, whose result is shared.' }),
  retranscribing: z
    .boolean()
    .optional()
    .meta({ description: 'Whether the job is being transcribed again; until that is done, the current text stays.' }),
  retranscription: z
    .strictObject({
      status: z.enum(['processing', 'failed']),
      progress: z.number().min(0).max(100),
      stage: z.string(),
      error: z.string().nullable(),
      language: z.string().optional(),
      model: z.string(),
      requestedAt: time,
    })
    .optional()
    .meta({ description: 'The current retranscription, or the last one if it failed.' }),
  waitingFor: Waiting.optional().meta({ description: 'Why no machine starts for this job, and until when.' }),
});
export const JobStatus = Job.extend({
  content: z.string().optional().meta({ description: 'The text of a completed job. Omitted if it is too large for a response.' }),
});
export const FileAudio = z.strictObject({ url: z.string(), expiresInSeconds: z.number().int() });
export const JobList = z.strictObject({ jobs: z.array(Job), cursor: z.string().optional() });

export const WebhookSettings = z.strictObject({
  url: z.string().nullable(),
  batch: z.boolean(),
  disabledSince: time
    .nullable()
    .meta({ description: 'When the URL responded with 410 Gone. Nothing is sent to it until the webhook is saved again.' }),
  secretSince: time,
  previousSecretUntil: time.nullable(),
});
export const WebhookSecret = WebhookSettings.extend({
  secret: z.string().meta({ description: 'whsec_…; it is shown only once.' }),
});
export const Delivery = z.strictObject({
  id: z.string(),
  messageId: z.string().meta({ description: 'Value of the header `webhook-id`, the same for every attempt.' }),
  event: z.enum(WEBHOOK_EVENTS),
  url: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.number().int(),
  createdAt: time,
  lastAttemptAt: time.nullable(),
  nextAttemptAt: time.nullable(),
  lastStatus: z.number().int().nullable(),
  lastError: z.string().nullable(),
});
export const Deliveries = z.strictObject({ deliveries: z.array(Delivery), cursor: z.string().optional() });

export const GpuStarted = z.strictObject({ instanceId: z.string(), state: z.string(), heldUntil: time });
export const GpuStopped = z.strictObject({
  stopped: z.array(z.string()),
  kept: z.array(z.string()).meta({ description: 'Machines that keep running because another holder needs them.' }),
});
export const Costs = z.strictObject({
  month: z.string(),
  days: z.array(z.strictObject({ day: z.string(), gpuSeconds: seconds, usd: z.number() })),
  gpuSeconds: seconds,
  usd: z.number(),
  usdPerHour: z.number(),
  dailyBudgetUsd: z.number(),
});
export const DeadChunks = z.strictObject({
  dead: z
    .array(
      z.strictObject({
        userId: z.string(),
        sessionId: z.string(),
        chunkNumber: z.number().int(),
        error: z.string(),
        attempts: z.number().int(),
        sizeBytes: z.number().int(),
        uploadedAt: time,
      }),
    )
    .meta({ description: 'Newest upload first, at most 100.' }),
});
export const Overview = z.strictObject({
  queues: z.record(z.enum(LANES), z.number().int()),
  oldestSeconds: z
    .partialRecord(z.enum(LANES), z.number().int())
    .meta({ description: 'Age of the oldest message of each lane; empty lanes are omitted.' }),
  pending: z
    .strictObject({ sessions: z.number().int(), chunks: z.number().int() })
    .meta({ description: 'Chunks that are pending or being transcribed; at most 2,000 are counted.' }),
  files: z
    .strictObject({
      completed: z.number().int(),
      failed: z.number().int(),
      successRate: z.number().min(0).max(1).nullable(),
      secondsPerAudioMinute: z.number().nullable().meta({ description: 'Processing time per minute of audio, in seconds.' }),
    })
    .meta({ description: 'Files of today and yesterday (UTC).' }),
  stuckJobs: z.array(z.strictObject({ id: z.string(), userId: z.string(), progress: z.number(), movedAt: time })),
  gpu: z.strictObject({
    instances: z.array(
      z.strictObject({
        instanceId: z.string(),
        instanceType: z.string().optional(),
        state: z.string(),
        runningSince: time.optional(),
        holders: z.array(z.strictObject({ holder: z.string(), until: time })),
      }),
    ),
    run: z.string().optional(),
    workerMemoryMb: z.number().optional().meta({ description: "Peak memory of today's worker." }),
    workerDevice: z.string().optional().meta({ description: "What today's newest work was done on: `cuda` or `cpu`." }),
    waitingFor: Waiting.optional(),
    failedRuns: z.number().int(),
    lastError: z.string().optional(),
  }),
  live: z.strictObject({ default: z.boolean(), usdPerRecordedHour: z.number() }),
  cost: z.strictObject({
    todayUsd: z.number(),
    todayGpuSeconds: z.number(),
    monthUsd: z.number(),
    monthGpuSeconds: z.number(),
    dailyBudgetUsd: z.number(),
    usdPerHour: z.number(),
  }),
});

const lock = { userId: z.string(), sessionId: z.string(), timestamp: time, expiresAt: time };
export const Locked = z.strictObject({ locked: z.literal(true), ...lock });
export const Unlocked = z.strictObject({ locked: z.literal(false), released: z.number().int() });
export const LockStatus = z.strictObject({
  locked: z.boolean(),
  sessions: z.number().int(),
  oldestTimestamp: time.optional(),
  expiresAt: time.optional(),
  userId: z.string().optional().meta({ description: 'User of the oldest lock that the caller may see.' }),
  sessionId: z.string().optional(),
  locks: z.array(z.strictObject(lock)).meta({ description: "The caller's own locks; all locks for admins." }),
});

export const BatchRun = z.strictObject({
  id: z.string(),
  trigger: z.enum(BATCH_TRIGGERS),
  dryRun: z.boolean(),
  state: z.enum(['scanning', 'working', 'finished']),
  status: z.enum(BATCH_STATUSES).optional(),
  reason: z.string().optional(),
  startedAt: time,
  finishedAt: time.optional(),
  locked: z.boolean(),
  behindLive: z.boolean(),
  scan: z
    .strictObject({
      sessionsScanned: z.number().int(),
      totalMissingChunks: z.number().int(),
      chunksFound: z.number().int().meta({ description: 'Uploads that had no row because their event was lost.' }),
      resultsReset: z.number().int().meta({ description: 'Results that were missing or damaged.' }),
      full: z.boolean().meta({ description: 'Whether the whole bucket was scanned, or only recent sessions.' }),
    })
    .optional(),
});
const cursor = z.string().optional();
export const BatchRuns = z.strictObject({
  runs: z.array(BatchRun),
  paused: z.boolean().meta({ description: 'Whether the schedule is paused.' }),
  cursor,
});
export const BatchRunDetails = BatchRun.extend({ report: BatchReport.optional() });
export const Pending = PendingJobs.partial({ scannedAt: true, sessionsScanned: true });
export const Reports = z.strictObject({
  reports: z.array(
    z.strictObject({
      name: z.string(),
      timestamp: time,
      status: z.enum(BATCH_STATUSES),
      totalMissingChunks: z.number().int(),
    }),
  ),
  cursor,
});
export const ScheduleSet = z.strictObject({ enabled: z.boolean() });

export const Health = z.strictObject({ status: z.literal('ok'), stage: z.string() });

/** RFC 9457 problem+json. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string().meta({ description: 'Stable code for programs.' }),
  detail: z.string(),
  issues: z
    .array(z.looseObject({ path: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'Problems of the request, by field.' }),
  languages: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'For an unknown language: the languages that can be requested, code to English name.' }),
  models: z.array(z.string()).optional().meta({ description: 'For an unknown model: the models of the stage.' }),
});

/** Response of API Gateway itself to a token that is missing, expired or of another client. */
export const GatewayRefusal = z.looseObject({ message: z.string() });
