/** Answers of the HTTP API. Tests hold every answer of the functions against these; docs/openapi.json is made of them. */
import * as z from 'zod';
import { BATCH_STATUSES, BATCH_TRIGGERS } from './batch.ts';
import { JOB_STATES, PRIORITIES } from './jobs.ts';
import { LANES } from './lanes.ts';
import { BatchReport, PendingJobs } from './report.ts';
import { DELIVERY_STATES, WEBHOOK_EVENTS } from './webhooks.ts';

const time = z.iso.datetime();
const seconds = z.number().min(0);
const WaitsFor = z.enum(['failures', 'capacity', 'budget']);
const Waiting = z.strictObject({ reason: WaitsFor, until: time });

export const Session = z.strictObject({
  id: z.string(),
  userId: z.string(),
  title: z.string().optional(),
  language: z.string().optional(),
  live: z.boolean(),
  diarize: z.boolean().optional(),
  state: z.enum(['recording', 'completed']),
  createdAt: time,
  completedAt: time.optional(),
  chunkCount: z.number().int().optional(),
  abandoned: z.boolean().optional().meta({ description: 'Nobody said Stop; it was closed half an hour after its last chunk.' }),
  transcriptStatus: z.enum(['completed', 'partial']).optional(),
});

const Statistics = z.strictObject({
  known: z.number().int(),
  cached: z.number().int(),
  failed: z.number().int(),
  pending: z.number().int(),
  missing: z.number().int().meta({ description: 'Numbers that must be there and were never uploaded.' }),
  secondsCovered: seconds,
  targetWords: z.record(z.string(), z.number().int()),
});

const Chunk = z.strictObject({
  chunkNumber: z.number().int(),
  state: z.enum(['pending', 'leased', 'done', 'dead']),
  sizeBytes: z.number().int(),
  attempts: z.number().int(),
  durationSeconds: seconds.optional(),
  error: z.string().optional(),
  waitingFor: WaitsFor.optional(),
});

export const SessionDetails = Session.extend({
  chunks: z.array(Chunk),
  holes: z.array(z.number().int()).meta({ description: 'Chunk numbers that were never uploaded.' }),
  statistics: Statistics,
  waitingFor: Waiting.optional().meta({ description: 'Why no machine is started for what is pending, and until when.' }),
});

export const SessionList = z.strictObject({
  sessions: z.array(Session),
  cursor: z.string().optional().meta({ description: 'Hand it back to get the next page.' }),
});

export const Upload = z.strictObject({
  key: z.string(),
  upload: z.strictObject({
    method: z.literal('PUT'),
    url: z.string(),
    headers: z.record(z.string(), z.string()).meta({ description: 'To be sent exactly so: they are part of the signature.' }),
    expiresAt: z.string(),
  }),
});

export const Completed = z.strictObject({
  id: z.string(),
  state: z.literal('completed'),
  chunkCount: z.number().int(),
  waiting: z.number().int().meta({ description: 'Chunks that are still to be transcribed.' }),
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
  transcript: z.string().meta({ description: 'Where the text is read when they have.' }),
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
    .meta({ description: 'Parts that are there already.' }),
  upload: SingleUpload.optional().meta({ description: 'A new address, for a file that goes up in one piece.' }),
});
export const Job = z.strictObject({
  id: z.string(),
  userId: z.string(),
  filename: z.string(),
  sizeBytes: z.number().int(),
  status: z.enum(JOB_STATES),
  progress: z.number().min(0).max(100).meta({ description: 'In percent, to a tenth; it never goes down.' }),
  stage: z.string(),
  error: z.string().nullable(),
  language: z.string().optional(),
  model: z.string(),
  priority: z.enum(PRIORITIES),
  createdAt: time,
  startedAt: time.nullable(),
  completedAt: time.nullable(),
  durationSeconds: seconds.optional(),
  sameAs: z.string().optional().meta({ description: 'Another job with this content, whose result this one shares.' }),
  waitingFor: Waiting.optional().meta({ description: 'Why no machine is started for it, and until when.' }),
});
export const JobStatus = Job.extend({
  content: z.string().optional().meta({ description: 'The text, when it is completed.' }),
});
export const FileAudio = z.strictObject({ url: z.string(), expiresInSeconds: z.number().int() });
export const JobList = z.strictObject({ jobs: z.array(Job), cursor: z.string().optional() });

export const WebhookSettings = z.strictObject({
  url: z.string().nullable(),
  batch: z.boolean(),
  secretSince: time,
  previousSecretUntil: time.nullable(),
});
export const WebhookSecret = WebhookSettings.extend({
  secret: z.string().meta({ description: 'whsec_…; it is shown this once.' }),
});
export const Delivery = z.strictObject({
  id: z.string(),
  messageId: z.string().meta({ description: 'The header webhook-id: the same for every attempt.' }),
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
  kept: z.array(z.string()).meta({ description: 'Machines that go on because somebody else needs them.' }),
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
    .meta({ description: 'How long the oldest of each lane has waited; lanes without any are left out.' }),
  pending: z
    .strictObject({ sessions: z.number().int(), chunks: z.number().int() })
    .meta({ description: 'What waits for its text or is being transcribed; at most 2,000 chunks are counted.' }),
  files: z
    .strictObject({
      completed: z.number().int(),
      failed: z.number().int(),
      successRate: z.number().min(0).max(1).nullable(),
      secondsPerAudioMinute: z.number().nullable().meta({ description: 'Time from the beginning of the work to the text.' }),
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
    workerMemoryMb: z.number().optional().meta({ description: 'Most memory that the worker of today has had.' }),
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
  userId: z.string().optional().meta({ description: 'Of the oldest lock that the caller may see.' }),
  sessionId: z.string().optional(),
  locks: z.array(z.strictObject(lock)).meta({ description: "The caller's own; all for admins." }),
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
      chunksFound: z.number().int().meta({ description: 'Uploads of which no event had told.' }),
      resultsReset: z.number().int().meta({ description: 'Results that were gone or broken.' }),
      full: z.boolean().meta({ description: 'Whether all of the bucket was looked through, or only recent sessions.' }),
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
  code: z.string().meta({ description: 'Stable; what a program may decide by.' }),
  detail: z.string(),
  issues: z
    .array(z.looseObject({ path: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'What is wrong with the request, where that is known.' }),
});

/** API Gateway's own answer to a token that is missing, expired or not ours. */
export const GatewayRefusal = z.looseObject({ message: z.string() });
