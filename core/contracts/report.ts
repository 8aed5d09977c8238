/** Objects of the batch in S3. The fields of a report are a public contract: fields may be added, never renamed. */
import * as z from 'zod';
import { BATCH_STATUSES, BATCH_TRIGGERS } from './batch.ts';

const time = z.iso.datetime();
const seconds = z.number().min(0);
const count = z.number().int().min(0);

export const BatchReport = z.strictObject({
  timestamp: time,
  status: z.enum(BATCH_STATUSES),
  skipped: z.boolean(),
  lockStatus: z.strictObject({ locked: z.boolean() }),
  scan: z.strictObject({ sessionsScanned: count, totalMissingChunks: count }),
  gpu: z.strictObject({
    wasRunning: z.boolean(),
    weStartedIt: z.boolean(),
    startTime: time.nullable(),
    stopTime: time.nullable(),
    runtimeSeconds: seconds,
    costUSD: z.number().min(0),
  }),
  transcription: z.strictObject({ chunksTranscribed: count, chunksFailed: count, totalSizeBytes: count }),
  performance: z.strictObject({
    totalDurationSeconds: seconds,
    scanDurationSeconds: seconds,
    gpuStartupSeconds: seconds,
    transcribeDurationSeconds: seconds,
    shutdownSeconds: seconds,
  }),
  /** Fields added to the first version. */
  name: z.string(),
  trigger: z.enum(BATCH_TRIGGERS),
  reason: z.string().optional().meta({ description: 'Why the run was skipped, failed or incomplete.' }),
  behindLive: z
    .boolean()
    .meta({ description: 'Whether the run continued during live recordings because they had delayed it for too long.' }),
  chunksLeft: count.meta({
    description:
      'Chunks that were neither transcribed nor permanently failed when the run ended; the next run continues with them.',
  }),
  sessionsTouched: count,
  deadChunks: z
    .array(z.strictObject({ sessionId: z.string(), chunkNumber: count, error: z.string() }))
    .meta({ description: 'At most 100.' }),
});
export type BatchReport = z.infer<typeof BatchReport>;

/** A chunk that a run must have transcribed. */
export const ListedChunk = z.strictObject({ userId: z.string(), sessionId: z.string(), chunkNumber: count, sizeBytes: count });
export type ListedChunk = z.infer<typeof ListedChunk>;

export const PendingJobs = z.strictObject({
  scannedAt: time,
  sessionsScanned: count,
  totalMissingChunks: count,
  /** At most 10,000. */
  pending: z.array(ListedChunk.extend({ uploadedAt: time, attempts: count, error: z.string().optional() })),
});
export type PendingJobs = z.infer<typeof PendingJobs>;
