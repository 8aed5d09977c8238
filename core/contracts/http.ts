/** Requests of the HTTP API. Unknown properties are refused: a `userId` in a body is a mistake or an attack. */
import * as z from 'zod';
import { JOB_STATES, MAX_PART_URLS, PRIORITIES } from './jobs.ts';
import { SESSION_ID } from './keys.ts';
import { MAX_CHUNK_NUMBER, MAX_CHUNK_SECONDS } from './limits.ts';
import { DELIVERY_ID } from './webhooks.ts';

export const SessionId = z.string().regex(SESSION_ID, 'not a session id');

const Language = z.string().regex(/^[a-z]{2,3}$/, 'an ISO 639 code such as en');
const Sha256 = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'SHA-256 as base64');

export const CreateSession = z.strictObject({
  title: z.string().min(1).max(200).optional(),
  language: Language.optional(),
  /** Whether it is transcribed while it is recorded; without it as the stage says. */
  live: z.boolean().optional(),
  /** Find out who speaks, where the stage has a speaker model. */
  diarize: z.boolean().optional(),
});

export const CreateUpload = z.strictObject({
  chunkNumber: z.number().int().min(1).max(MAX_CHUNK_NUMBER),
  contentType: z.string().min(1).max(100),
  sizeBytes: z.number().int().min(1, 'an empty chunk holds nothing to transcribe'),
  durationSeconds: z.number().positive().max(MAX_CHUNK_SECONDS).optional(),
  sha256: Sha256.optional(),
  startedAtMs: z.number().int().nonnegative().optional(),
  overlapMs: z.number().int().nonnegative().max(30_000).optional(),
  replace: z.boolean().default(false),
});

export const CompleteSession = z.strictObject({ chunkCount: z.number().int().min(0).max(MAX_CHUNK_NUMBER) });

export const TranscribeRange = z
  .strictObject({ start: z.number().min(0), end: z.number().positive() })
  .refine(({ start, end }) => end > start, 'end must be after start');

const MAX_SPEAKER_SEGMENTS = 10_000;
export const CutSpeakers = z.strictObject({
  segments: z
    .array(
      z
        .strictObject({ speaker: z.string().min(1).max(100), start: z.number().min(0), end: z.number() })
        .refine(({ start, end }) => end > start, 'end must be after start'),
    )
    .max(MAX_SPEAKER_SEGMENTS)
    .optional()
    .meta({ description: 'Who speaks when, from a diarizer; without it what the worker found in a session with `diarize`.' }),
});

export const AudioQuery = z.object({
  /** First chunk number of the page. */
  from: z.coerce.number().int().min(1).max(MAX_CHUNK_NUMBER).default(1),
  limit: z.coerce.number().int().min(1).max(500).default(200),
});

export const PeaksQuery = z.object({ points: z.coerce.number().int().min(10).max(20_000).default(2000) });

export const ChunkNumber = z.coerce.number().int().min(1).max(MAX_CHUNK_NUMBER);

export const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(500).optional(),
});

const seconds = z.coerce.number().finite().min(0);
export const TranscriptQuery = z
  .object({
    format: z.enum(['json', 'txt', 'srt', 'vtt']).default('json'),
    start: seconds.optional(),
    end: seconds.optional(),
  })
  .refine(({ start, end }) => (start === undefined) === (end === undefined), 'start and end go together')
  .refine(({ start, end }) => start === undefined || end === undefined || end > start, 'end must be after start');

const DEFAULT_HOLD_MINUTES = 60;
const LONGEST_HOLD_MINUTES = 12 * 60;
export const StartGpu = z.strictObject({
  minutes: z.number().int().min(1).max(LONGEST_HOLD_MINUTES).default(DEFAULT_HOLD_MINUTES),
});
export const CostsQuery = z.object({
  month: z
    .string()
    .regex(/^20\d{2}-(0[1-9]|1[0-2])$/, 'a month such as 2026-03')
    .optional(),
});
export const StopGpu = z.strictObject({ force: z.boolean().default(false) });

export const LockSession = z.strictObject({ sessionId: SessionId });
export const UnlockSession = z.strictObject({ sessionId: SessionId.optional() });
export const BeginBatch = z.strictObject({
  dryRun: z.boolean().default(false).meta({ description: 'Only look what is missing; allowed while somebody records, too.' }),
});
export const Notifications = z.strictObject({
  sessionCompleted: z.boolean().meta({ description: 'A mail when the batch has completed a session of yours.' }),
  fileCompleted: z.boolean().meta({ description: 'A mail when a file of yours is transcribed, or could not be.' }),
});
/** What is left out stays as it is. */
export const ChangeNotifications = Notifications.partial();
export const SetWebhook = z.strictObject({
  url: z.url().max(2000).nullable().meta({ description: 'null: nobody is told any more.' }),
  batch: z.boolean().default(false).meta({ description: 'Also told of batches (admin).' }),
});
export const ListDeliveriesQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().regex(DELIVERY_ID, 'not one of ours').optional(),
});
export const SetSchedule = z.strictObject({ enabled: z.boolean() });
const RunName = z.string().regex(/^batch-[\d-]{15,25}$/, 'not a name of a run');
export const ListRunsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: RunName.optional(),
});

/** A name for people: it names nothing in storage, and would be no path where somebody took it for one. */
const FileName = z
  .string()
  .min(1)
  .max(255)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in it
  .regex(/^[^/\\\u0000-\u001f\u007f]+$/, 'a file name without folders and control characters')
  .refine((name) => name !== '.' && name !== '..', 'not a file name');

export const CreateJob = z.strictObject({
  filename: FileName,
  contentType: z.string().min(1).max(100),
  sizeBytes: z.number().int().min(1, 'an empty file holds nothing to transcribe'),
  sha256: Sha256.optional().meta({ description: 'Of the whole file, base64; a file that arrives otherwise is refused.' }),
  language: Language.optional().meta({ description: 'Without it, models that know several find out.' }),
  model: z.string().min(1).max(100).optional(),
  priority: z.enum(PRIORITIES).default('normal'),
  prompt: z.string().min(1).max(800).optional().meta({ description: 'Text that the recording is taken to follow.' }),
  hotwords: z.string().min(1).max(400).optional().meta({ description: 'Words to listen for.' }),
  diarize: z.boolean().optional(),
  callbackUrl: z.url().max(2000).optional().meta({ description: 'Is told of the end of this job, signed as your webhook is.' }),
});
export const UploadParts = z.strictObject({
  partNumbers: z
    .array(z.number().int().min(1).max(10_000))
    .max(MAX_PART_URLS)
    .optional()
    .meta({ description: 'Without it the first that are not there yet.' }),
});
export const ListJobsQuery = ListQuery.extend({ status: z.enum(JOB_STATES).optional() });
export const FormatQuery = z.object({ format: z.enum(['json', 'txt', 'srt', 'vtt']).default('json') });
/** Sent with POST /api/transcriptions, so that one sent twice makes one job. */
export const IdempotencyKey = z.string().min(1).max(200);
