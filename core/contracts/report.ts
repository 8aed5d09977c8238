/** Files of the batch in S3. The first fields of a report are a contract: others may be added, none renamed. */
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
  /** Added fields. */
  name: z.string(),
  trigger: z.enum(BATCH_TRIGGERS),
  reason: z.string().optional().meta({ description: 'Why it was skipped, failed, or not everything was done.' }),
  behindLive: z
    .boolean()
    .meta({ description: 'It went ahead behind live recordings, which had held the batch back for too long.' }),
  chunksLeft: count.meta({ description: 'Neither transcribed nor dead when the run ended; the next one goes on with them.' }),
  sessionsTouched: count,
  deadChunks: z
    .array(z.strictObject({ sessionId: z.string(), chunkNumber: count, error: z.string() }))
    .meta({ description: 'At most 100.' }),
});
export type BatchReport = z.infer<typeof BatchReport>;

/** A chunk that a run has to do. */
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
