/** Requests of the HTTP API. Unknown properties are rejected: a `userId` in a body is a mistake or an attack. */
import * as z from 'zod';
import { decimal, text, wholeNumber, wholeNumberOr } from './fields.ts';
import { canTimeWords, FORMATS, type Format, WORDS_REFUSAL } from './formats.ts';
import { JOB_STATES, MAX_PART_URLS, PRIORITIES } from './jobs.ts';
import { SESSION_ID } from './keys.ts';
import { LANGUAGES, requestedLanguage, unknownLanguage } from './languages.ts';
import { MAX_CHUNK_NUMBER, MAX_CHUNK_SECONDS, MAX_RECORDING_SECONDS } from './limits.ts';
import { CHANNELS, TYPES_ACCEPTED } from './media.ts';
import { MAX_SPEAKERS } from './speakers.ts';
import { DELIVERY_ID } from './webhooks.ts';

export const SessionId = z.string().regex(SESSION_ID, 'not a session id');

/** Transforms a client's name of a language into the model's code; undefined if the language is to be detected. */
const Language = text(0, 100)
  .transform((name, context) => {
    const requested = requestedLanguage(name);
    if (requested.kind === 'unknown')
      context.issues.push({ code: 'custom', message: unknownLanguage(name), input: name, params: { languages: LANGUAGES } });
    return requested.kind === 'known' ? requested.code : undefined;
  })
  .meta({
    description:
      'A code, with or without a region (`en`, `pt-BR`), or an English name. If `auto`, empty or absent, it is detected. ' +
      Object.entries(LANGUAGES)
        .map(([code, name]) => `${code} ${name}`)
        .join(', '),
    examples: ['en', 'pt-BR', 'German'],
  });
const Sha256 = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'SHA-256 as base64');

const Channels = z.enum(CHANNELS).optional().meta({
  description:
    '`separate`: each audio channel, or each track if there are several, is transcribed alone; the speaker of its words is `S` and its number, from 1. `mix` (default): channels and tracks are mixed.',
});
const speakerCount = (what: string) =>
  z
    .number()
    .int()
    .min(1)
    .max(MAX_SPEAKERS)
    .optional()
    .meta({ description: `${what} number of speakers, if it is known. Only with \`diarize\`.` });
/** If both are the same, the number of speakers is known. */
const SpeakerCounts = { minSpeakers: speakerCount('Smallest'), maxSpeakers: speakerCount('Largest') };
const RecordedAt = z.iso
  .datetime({ offset: true })
  .optional()
  .meta({ description: 'When the recording began. If absent, what the file tells, if anything.' });

const Title = (shortest: 0 | 1) => text(shortest, 200).optional();
/** Lengths in characters. */
const [MAX_PROMPT, MAX_HOTWORDS] = [800, 400];
const PROMPT = 'Context for the model: text that precedes the recording.';
const HOTWORDS = 'Words that the model should prefer.';

/** A user's default prompt and hotwords. An empty text means none. */
export const RecordingDefaults = z.strictObject({
  prompt: text(0, MAX_PROMPT).optional().meta({ description: PROMPT }),
  hotwords: text(0, MAX_HOTWORDS).optional().meta({ description: HOTWORDS }),
});
export type RecordingDefaults = z.infer<typeof RecordingDefaults>;

const OR_DEFAULT = "If absent, the user's default; if empty, none.";
export const CreateSession = z.strictObject({
  title: Title(1),
  language: Language.optional(),
  /** Whether it is transcribed while it is recorded. @default the stage's `liveDefault` */
  live: z.boolean().optional(),
  /** Whether speakers are detected. Only on a stage with a speaker model. */
  diarize: z.boolean().optional(),
  ...SpeakerCounts,
  channels: Channels,
  prompt: text(0, MAX_PROMPT)
    .optional()
    .meta({ description: `${PROMPT} ${OR_DEFAULT}` }),
  hotwords: text(0, MAX_HOTWORDS)
    .optional()
    .meta({ description: `${HOTWORDS} ${OR_DEFAULT}` }),
  recordedAt: RecordedAt,
});

/** Absent fields stay unchanged. */
export const ChangeSession = z.strictObject({
  title: Title(0).meta({ description: 'An empty title removes it.' }),
});

const ContentType = text(0, 100)
  .default('')
  .meta({ description: `A hint: the content decides. It may be ${TYPES_ACCEPTED}.` });

export const CreateUpload = z.strictObject({
  chunkNumber: z.number().int().min(1).max(MAX_CHUNK_NUMBER),
  contentType: ContentType,
  sizeBytes: z.number().int().min(1, 'an empty chunk has nothing to transcribe'),
  durationSeconds: z.number().positive().max(MAX_CHUNK_SECONDS).optional(),
  sha256: Sha256.optional(),
  startedAtMs: z.number().int().nonnegative().optional(),
  overlapMs: z.number().int().nonnegative().max(30_000).optional(),
  replace: z.boolean().default(false),
});

export const CompleteSession = z.strictObject({
  chunkCount: z.number().int().min(0).max(MAX_CHUNK_NUMBER),
  resumptions: z.number().int().min(0).optional().meta({
    description:
      '`resumptions` of the session when this recording began. If another recording of the session has begun since, the request changes nothing.',
  }),
});

export const TranscribeRange = z
  .strictObject({ start: z.number().min(0), end: z.number().positive() })
  .refine(({ start, end }) => end > start, 'end must be after start');

const MAX_SPEAKER_SEGMENTS = 10_000;
export const CutSpeakers = z.strictObject({
  segments: z
    .array(
      z
        .strictObject({ speaker: text(1, 100), start: z.number().min(0), end: z.number() })
        .refine(({ start, end }) => end > start, 'end must be after start'),
    )
    .max(MAX_SPEAKER_SEGMENTS)
    .optional()
    .meta({
      description: 'Speaker segments of a diarizer. If absent, those that the worker detected in a session with `diarize`.',
    }),
});

export const AudioQuery = z.object({
  /** First chunk number of the page. */
  from: wholeNumberOr(1, 1, MAX_CHUNK_NUMBER),
  limit: wholeNumberOr(200, 1, 500),
});

export const DetailsQuery = z.object({
  /** First chunk number of interest. Chunks, missing numbers and counts before it are left out. */
  from: wholeNumberOr(1, 1, MAX_CHUNK_NUMBER),
});

export const PeaksQuery = z.object({ points: wholeNumberOr(2000, 10, 20_000) });

export const ChunkNumber = wholeNumber(1, MAX_CHUNK_NUMBER);

export const ListQuery = z.object({
  limit: wholeNumberOr(50, 1, 100),
  cursor: text(0, 500).optional(),
});

const Marks = z
  .enum(['true', 'false'])
  .default('true')
  .transform((marks) => marks === 'true')
  .meta({ description: 'Whether all formats but json say where something is missing, as in `[missing 1:00-1:30]`.' });
const Words = z
  .enum(['true', 'false'])
  .optional()
  .transform((words) => words && words === 'true')
  .meta({ description: 'Whether the times of words are included: by default in json, not in vtt. Other formats have none.' });
const wordsFit = ({ format, words }: { format: Format; words?: boolean | undefined }): boolean =>
  words !== true || canTimeWords(format);
const REFUSED_WORDS = { path: ['words'], message: WORDS_REFUSAL, params: {} };

const seconds = decimal(0, MAX_RECORDING_SECONDS);
export const TranscriptQuery = z
  .object({
    format: z.enum(FORMATS).default('json'),
    marks: Marks,
    words: Words,
    start: seconds.optional(),
    end: seconds.optional(),
    /** `cursor` of an earlier response: only what follows it, if that is still known. JSON of a whole transcript only. */
    after: z.string().max(64).optional(),
  })
  .refine(({ start, end }) => (start === undefined) === (end === undefined), 'start and end must be given together')
  .refine(({ start, end }) => start === undefined || end === undefined || end > start, 'end must be after start')
  .refine(wordsFit, REFUSED_WORDS);

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
  dryRun: z.boolean().default(false).meta({ description: 'Scan only; allowed also during recordings.' }),
});
export const SetWebhook = z.strictObject({
  url: z.url().max(2000).nullable().meta({ description: 'null removes the webhook.' }),
  batch: z.boolean().default(false).meta({ description: 'Also send batch results (admin).' }),
});
export const ListDeliveriesQuery = z.object({
  limit: wholeNumberOr(50, 1, 100),
  cursor: z.string().regex(DELIVERY_ID, 'not a cursor of this list').optional(),
});
export const SetSchedule = z.strictObject({ enabled: z.boolean() });
const RunName = z.string().regex(/^batch-[\d-]{15,25}$/, 'not the name of a run');
export const ListRunsQuery = z.object({
  limit: wholeNumberOr(50, 1, 100),
  cursor: RunName.optional(),
});

/** Display name of a file. It names nothing in storage, and cannot be used as a path. */
const FileName = text(
  1,
  255,
  z
    .string()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern excludes them
    .regex(/^[^/\\\u0000-\u001f\u007f]+$/, 'must be a file name without folders and control characters')
    .refine((name) => name !== '.' && name !== '..', 'not a file name'),
);

export const CreateJob = z.strictObject({
  filename: FileName,
  contentType: ContentType,
  sizeBytes: z.number().int().min(1, 'an empty file has nothing to transcribe'),
  sha256: Sha256.optional().meta({ description: 'SHA-256 of the whole file in base64; a different file is rejected.' }),
  language: Language.optional(),
  model: text(1, 100).optional(),
  priority: z.enum(PRIORITIES).default('normal'),
  prompt: text(1, MAX_PROMPT).optional().meta({ description: PROMPT }),
  hotwords: text(1, MAX_HOTWORDS).optional().meta({ description: HOTWORDS }),
  diarize: z.boolean().optional(),
  ...SpeakerCounts,
  channels: Channels,
  recordedAt: RecordedAt,
  modifiedAt: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: 'Date of the file. It counts as `recordedAt` if neither that is given nor the file tells it.' }),
  callbackUrl: z
    .url()
    .max(2000)
    .optional()
    .meta({ description: 'URL that is notified when this job ends, signed like your webhook.' }),
});
/** Absent fields stay unchanged. */
export const Retranscribe = z.strictObject({
  language: Language.transform((code) => code ?? null)
    .optional()
    .meta({ description: 'Language code or name. If absent, it stays unchanged.' }),
  model: text(1, 100).optional().meta({ description: "One of the stage's models. If absent, it stays unchanged." }),
});
export const UploadParts = z.strictObject({
  partNumbers: z
    .array(z.number().int().min(1).max(10_000))
    .max(MAX_PART_URLS)
    .optional()
    .meta({ description: 'Part numbers. If absent, the first parts that are not uploaded yet.' }),
});
export const ListJobsQuery = ListQuery.extend({ status: z.enum(JOB_STATES).optional() });
export const FormatQuery = z
  .object({ format: z.enum(FORMATS).default('json'), marks: Marks, words: Words })
  .refine(wordsFit, REFUSED_WORDS);
/** Sent with POST /api/transcriptions, so that a repeated request creates one job only. */
export const IdempotencyKey = text(1, 200);
