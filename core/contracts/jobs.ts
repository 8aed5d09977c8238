/** File jobs: each transcribes one uploaded file of any length. */
import * as z from 'zod';
import { LEASE_SECONDS } from './limits.ts';
import { SpeakerNumbers } from './speakers.ts';

export const JOB_STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

export const JOB_ID = /^job_[0-9A-HJKMNP-TV-Z]{26}$/;
export const PRIORITIES = ['normal', 'urgent'] as const;

export const MAX_FILE_BYTES = 5 * 1024 ** 3;
/** A file up to this size is uploaded in one piece, a larger one in parts of this size. Each part can be retried. */
export const UPLOAD_PART_BYTES = 16 * 1024 ** 2;
/** Lifetime of a presigned upload URL of a file or part; long enough for a slow connection. */
export const FILE_UPLOAD_URL_SECONDS = 3600;
/** After this long, nothing new can appear under a closed job: upload URL, lease and a margin. */
export const JOB_PURGE_AGAIN_SECONDS = FILE_UPLOAD_URL_SECONDS + LEASE_SECONDS + 240;
export const MAX_PART_URLS = 100;
/** An upload that is not complete after this time has failed. */
export const UPLOAD_DAYS = 1;
/** A job without progress for this long is stuck, and is resumed. */
export const STUCK_SECONDS = 1800;
/** Resumes without effect after which a job fails. */
export const MAX_RESUMES = 8;
/** Jobs of a user that may share the transcription of one content; one row lists them. */
export const MAX_SHARING_JOBS = 500;
/** How long an Idempotency-Key refers to the same job. */
export const IDEMPOTENCY_SECONDS = 86_400;

/** The open or failed retranscription of a completed job. Its fields mean the same as those of the job. */
const RetranscriptionRow = z.object({
  state: z.enum(['open', 'failed']),
  language: z.string().optional(),
  model: z.string().optional(),
  requested_at_ms: z.number(),
  /** ETag of the stored file, which may be the compressed copy. */
  etag: z.string(),
  size_bytes: z.number().int(),
  rows_round: z.number().int(),
  progress: z.number(),
  stage: z.string(),
  error: z.string().optional(),
  started_at_ms: z.number().optional(),
  seconds: z.number().optional(),
  part_count: z.number().int().optional(),
  content_id: z.string().optional(),
  moved_at_ms: z.number(),
  moved_to: z.string(),
  resumes: z.number().int(),
});

/** A file job; @see core/file-jobs/job.ts for its states. */
export const JobRow = z.object({
  job_id: z.string(),
  /** Increases with every change. */
  version: z.number().int(),
  user_id: z.string(),
  status: z.enum([...JOB_STATES, 'deleted']),
  filename: z.string(),
  content_type: z.string(),
  size_bytes: z.number().int(),
  object_key: z.string(),
  /** SHA-256 in base64 that the client declared. */
  sha256: z.string().optional(),
  /** S3's id of an upload in parts, until it is complete. */
  upload_id: z.string().optional(),
  language: z.string().optional(),
  /** Model other than the stage's default. */
  model: z.string().optional(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  priority: z.enum(PRIORITIES),
  diarize: z.boolean().optional(),
  ...SpeakerNumbers.shape,
  channels: z.literal('separate').optional(),
  /** When the recording began: declared by the client, otherwise as the file tells. */
  recorded_at_ms: z.number().optional(),
  /** Date of the file, as the client declared. */
  modified_at_ms: z.number().optional(),
  /** Whether the file is compressed and kept in this form. */
  compress: z.boolean().optional(),
  callback_url: z.string().optional(),
  created_at_ms: z.number(),
  uploaded_at_ms: z.number().optional(),
  etag: z.string().optional(),
  started_at_ms: z.number().optional(),
  completed_at_ms: z.number().optional(),
  /** Percent in steps of 0.1, 0 to 100; never decreases. */
  progress: z.number(),
  stage: z.string(),
  error: z.string().optional(),
  /** Length of the audio, counted by the worker. */
  seconds: z.number().optional(),
  part_count: z.number().int().optional(),
  /** Hash of user, content and options; jobs with the same id share one transcription. */
  content_id: z.string().optional(),
  /** Id of the user's job that does the work for this one. */
  same_as: z.string().optional(),
  /** Number of retries and retranscriptions. Fences of a round are above those of the previous one. */
  round: z.number().int(),
  /** Round of the current transcription. Rows of earlier rounds belong to earlier transcriptions. */
  rows_round: z.number().int().optional(),
  again: RetranscriptionRow.optional(),
  /** Number of retranscriptions that were started. */
  retranscriptions: z.number().int().optional(),
  /** Time of the last progress, fingerprint of the rows at that time, and number of resumes since then. */
  moved_at_ms: z.number(),
  moved_to: z.string(),
  resumes: z.number().int(),
  /** Partition of the sparse index of jobs that must be processed at `due_at_ms`. */
  due_shard: z.literal('due').optional(),
  due_at_ms: z.number().optional(),
  /** The user, while the job is open; counts against the user's limit of open jobs. */
  open_of: z.string().optional(),
  expires_at_s: z.number().int().optional(),
});
export type JobRow = z.infer<typeof JobRow>;

/** Written by the worker after it has cut a file into parts. Times are in seconds from the file's beginning. */
export const Manifest = z.object({
  seconds: z.number(),
  /** SHA-256 of the uploaded bytes, in hex. */
  sha256: z.string(),
  /** Version of the worker's engine. Results of different versions are not shared. */
  engine: z.string().optional(),
  parts: z.array(
    z.object({
      number: z.number().int(),
      key: z.string(),
      etag: z.string(),
      size_bytes: z.number().int(),
      start: z.number(),
      end: z.number(),
      overlap_s: z.number(),
      /** What could not be decoded, in seconds from the part's beginning. */
      damaged: z.array(z.object({ start: z.number(), end: z.number() })).optional(),
    }),
  ),
  /** Time of the recording as the file tells it. */
  recorded_at: z.string().optional(),
  compressed: z.object({ key: z.string(), size_bytes: z.number().int() }).optional(),
});
export type Manifest = z.infer<typeof Manifest>;
