/** File jobs: one uploaded file of any length each. */
import * as z from 'zod';

export const JOB_STATES = ['pending', 'processing', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

export const JOB_ID = /^job_[0-9A-HJKMNP-TV-Z]{26}$/;
export const PRIORITIES = ['normal', 'urgent'] as const;

export const MAX_FILE_BYTES = 5 * 1024 ** 3;
/** Up to this size a file goes up in one piece; above in parts of it, which can be sent again one by one. */
export const UPLOAD_PART_BYTES = 16 * 1024 ** 2;
/** What takes a person's computer some time to send. */
export const FILE_UPLOAD_URL_SECONDS = 3600;
export const MAX_PART_URLS = 100;
/** An upload that is not finished by then never will be. */
export const UPLOAD_DAYS = 1;
/** A job of which nothing moved for this long is stuck: it is resumed. */
export const STUCK_SECONDS = 1800;
/** Times that a job is resumed before it has failed. */
export const MAX_RESUMES = 8;
/** The same key means the same job for this long. */
export const IDEMPOTENCY_SECONDS = 86_400;

/** What is uploaded as a file: content type -> extension of the stored object. The worker trusts neither. */
export const FILE_EXTENSION_OF_TYPE: Readonly<Record<string, string>> = {
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
  'audio/mp4': 'm4a',
  'audio/m4a': 'm4a',
  'audio/x-m4a': 'm4a',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/webm': 'webm',
  'audio/x-matroska': 'mkv',
  'video/mp4': 'mp4',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/x-matroska': 'mkv',
};
/** What a file's name says of its kind, for clients; the worker looks at the bytes. */
export const FILE_TYPE_OF_EXTENSION: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  webm: 'audio/webm',
  mka: 'audio/x-matroska',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
};
/** Kinds that are kept compressed, where the stage says so: they are ten times as large as they need to be. */
export const COMPRESSED_EXTENSIONS: readonly string[] = ['wav', 'flac'];

/** Whether a model knows no other language than English; the demo model knows 110 words of it. */
export const isEnglishOnly = (model: string): boolean => model.endsWith('.en') || model === 'demo_model';

export const JobRow = z.object({
  job_id: z.string(),
  /** Rises with every change. */
  version: z.number().int(),
  user_id: z.string(),
  status: z.enum([...JOB_STATES, 'deleted']),
  filename: z.string(),
  content_type: z.string(),
  size_bytes: z.number().int(),
  object_key: z.string(),
  /** SHA-256 as base64, as the client said it. */
  sha256: z.string().optional(),
  /** Of an upload in parts, until it is complete. */
  upload_id: z.string().optional(),
  language: z.string().optional(),
  /** Another model than the stage's own. */
  model: z.string().optional(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  priority: z.enum(PRIORITIES),
  diarize: z.boolean().optional(),
  /** The file is also made smaller, and kept so. */
  compress: z.boolean().optional(),
  callback_url: z.string().optional(),
  created_at_ms: z.number(),
  uploaded_at_ms: z.number().optional(),
  etag: z.string().optional(),
  started_at_ms: z.number().optional(),
  completed_at_ms: z.number().optional(),
  /** 0 to 100, in tenths, never less than before. */
  progress: z.number(),
  stage: z.string(),
  error: z.string().optional(),
  /** Length of the audio, as it was counted. */
  seconds: z.number().optional(),
  part_count: z.number().int().optional(),
  /** Names the content and what is asked of it, among the user's jobs. */
  content_id: z.string().optional(),
  /** Another job of the user does this one's work. */
  same_as: z.string().optional(),
  /** Retries by the user. Fences of a round are above those of the one before. */
  round: z.number().int(),
  /** Last time that something had moved, what that was, and how often it was resumed since. */
  moved_at_ms: z.number(),
  moved_to: z.string(),
  resumes: z.number().int(),
  /** Partition of the sparse index of jobs that something must be done with at `due_at_ms`. */
  due_shard: z.literal('due').optional(),
  due_at_ms: z.number().optional(),
  /** The user, while the job is open; counts against what they may have open. */
  open_of: z.string().optional(),
  expires_at_s: z.number().int().optional(),
});
export type JobRow = z.infer<typeof JobRow>;

/** What the worker writes of a file that it has cut; times in seconds from the file's beginning. */
export const Manifest = z.object({
  seconds: z.number(),
  /** Of the uploaded bytes, as hex. */
  sha256: z.string(),
  parts: z.array(
    z.object({
      number: z.number().int(),
      key: z.string(),
      etag: z.string(),
      size_bytes: z.number().int(),
      start: z.number(),
      end: z.number(),
      overlap_s: z.number(),
    }),
  ),
  compressed: z.object({ key: z.string(), size_bytes: z.number().int() }).optional(),
});
export type Manifest = z.infer<typeof Manifest>;
