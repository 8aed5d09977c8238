/** Rows of the tables as they are stored. The Python worker writes the chunk and ledger rows too: test/fixtures/contracts. */
import * as z from 'zod';
import { LANES } from './lanes.ts';

const CHUNK_STATES = ['pending', 'leased', 'done', 'dead'] as const;

export const ChunkRow = z.object({
  session_id: z.string(),
  chunk_number: z.number().int(),
  user_id: z.string(),
  state: z.enum(CHUNK_STATES),
  lane: z.enum(LANES),
  language: z.string().optional(),
  /** Speakers are wanted. */
  diarize: z.boolean().optional(),
  object_key: z.string(),
  etag: z.string(),
  size_bytes: z.number(),
  uploaded_at_ms: z.number(),
  /** What the recorder said of it; the worker's count of samples wins where there is one. */
  said_seconds: z.number().optional(),
  /** The recorder's clock when this chunk began. */
  started_at_ms: z.number().optional(),
  /** Audio at its beginning that the chunk before it holds too. */
  overlap_ms: z.number().optional(),
  /** Claims so far, 3 at most; one that a command, a stop or somebody else's chunk ended is given back. */
  attempts: z.number().int(),
  /** A worker has died while it held this chunk: it is transcribed alone from now on. */
  suspect: z.boolean().optional(),
  /** The claim that is there now is alone with its worker. */
  alone: z.boolean().optional(),
  /** Deaths of workers while this chunk was alone with them. */
  deaths: z.number().int().optional(),
  /** Kills of workers from outside while this chunk was alone with them. */
  kills: z.number().int().optional(),
  /** Rises with every claim and replacement; a write with an old one is refused. */
  fence: z.number().int(),
  /** Last time a message for this row was sent. */
  queued_at_ms: z.number(),
  next_attempt_at_ms: z.number().default(0),
  lease_until_ms: z.number().optional(),
  worker_id: z.string().optional(),
  claimed_at_ms: z.number().optional(),
  raw_text: z.string().optional(),
  /** `raw_text` after the user's corrections, of which `corrections_version` were the newest. */
  corrected_text: z.string().optional(),
  /** The user's target words in `corrected_text`. */
  word_counts: z.record(z.string(), z.number().int()).optional(),
  corrections_version: z.number().int().optional(),
  duration_seconds: z.number().optional(),
  transcribed_at_ms: z.number().optional(),
  result_key: z.string().optional(),
  /** Names these bytes among the user's: `<user>#<SHA-256>#<language>#<model>`; where one was transcribed, all are. */
  content_key: z.string().optional(),
  /** Loudest sample of each tenth of a second, one byte each, base64. */
  peaks: z.string().optional(),
  /** Of a file's part: another model than the stage's own, and what is asked of it. */
  model: z.string().optional(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  /** The file is also to be kept compressed. */
  compress: z.boolean().optional(),
  /** How far the worker has come with it, 0 to 1. */
  progress: z.number().optional(),
  error_message: z.string().optional(),
  /** Other bytes may take this chunk's place (asked for with `replace: true`). */
  replace_allowed: z.boolean().optional(),
  /** Partition of the sparse pending index; only on rows that still wait for a result. */
  pending_shard: z.string().optional(),
  /** Partition of the sparse index of dead rows. */
  dead_shard: z.literal('dead').optional(),
});
export type ChunkRow = z.infer<typeof ChunkRow>;

export const SessionRow = z.object({
  session_id: z.string(),
  user_id: z.string(),
  title: z.string().optional(),
  language: z.string().optional(),
  live: z.boolean(),
  diarize: z.boolean().optional(),
  state: z.enum(['recording', 'completed', 'deleted']),
  created_at_ms: z.number(),
  /** Partition of the sparse index of sessions that something must be done with at `due_at_ms`. */
  due_shard: z.literal('due').optional(),
  /** A recording nobody hears of is closed then; a deleted session is looked through once more. */
  due_at_ms: z.number().optional(),
  /** Nobody said Stop: it was closed by itself. */
  abandoned: z.boolean().optional(),
  deleted_at_ms: z.number().optional(),
  chunk_count: z.number().int().optional(),
  completed_at_ms: z.number().optional(),
  /** Newest version of a person's edits of the transcript. */
  edits_version: z.number().int().optional(),
  transcript_status: z.enum(['completed', 'partial']).optional(),
  transcript_written_at_ms: z.number().optional(),
  /** Fingerprint of the rows that the transcript was made of. */
  transcript_of: z.string().optional(),
});
export type SessionRow = z.infer<typeof SessionRow>;

/** What a user has settled; one row per user. `version` rises with every change. */
export const SettingsRow = z.object({
  user_id: z.string(),
  version: z.number().int(),
  corrections: z.unknown(),
  /** Corrections of this version are in all chunks and transcripts of the user. */
  applied_version: z.number().int().default(0),
  /** Where applying the newest version has come to in the user's sessions. */
  apply_cursor: z.string().optional(),
});
export type SettingsRow = z.infer<typeof SettingsRow>;

/** Why no run is started although somebody wishes for one. */
const WAITS_FOR = ['failures', 'capacity', 'budget'] as const;
export type WaitsFor = (typeof WAITS_FOR)[number];

/** One row for the whole pool: who serves, and the newest wish that somebody must have seen before leaving. */
export const PoolRow = z.object({
  id: z.literal('pool'),
  version: z.number().int(),
  wanted_seq: z.number().int(),
  /** Counts runs that came to an end; names the next one, so that all who want it want the same. */
  epoch: z.number().int(),
  /** The run that serves: its machines now, those that EC2 had no capacity for, and whether any machine found nothing left. */
  serving: z
    .object({ run_id: z.string(), machines: z.array(z.string()), tried: z.array(z.string()), drained: z.boolean() })
    .optional(),
  failed_runs: z.number().int(),
  /** Nobody boots a machine before this time, for the reason in `waits_for`. */
  next_start_at_ms: z.number(),
  waits_for: z.enum(WAITS_FOR).optional(),
  /** Name of the error that ended the last machine's part of a run; gone after a run that ended well. */
  last_error: z.string().optional(),
});
export type PoolRow = z.infer<typeof PoolRow>;

/**
 * One row per GPU instance. `idle`: nobody of ours holds it; `draining`: a stop is decided, nobody joins until the machine
 * is confirmed stopped and whoever decided can make no call any more.
 */
export const InstanceRow = z.object({
  id: z.string(),
  version: z.number().int(),
  state: z.enum(['idle', 'running', 'draining']),
  /** Rises with every decided stop. */
  fence: z.number().int(),
  /** Run id or `person:<sub>` -> time (ms) at which the holder is dead whatever it says. */
  holders: z.record(z.string(), z.number()),
  started_by_us: z.boolean(),
  /** A worker was ready here once: the next boot has nothing to install. */
  ready_once: z.boolean().default(false),
  stop_decided_at_ms: z.number().optional(),
  /** Run that decided the stop and makes it; without one the reaper does. */
  stopper: z.string().optional(),
  /** Last time that anybody but a run set out to stop it. */
  last_stop_at_ms: z.number().optional(),
});
export type InstanceRow = z.infer<typeof InstanceRow>;

/** A time that a GPU instance ran, as EC2 tells it. One row per launch, in the ledger. */
export const GpuIntervalRow = z.object({
  /** `gpu#<instance>#<launch time in ms>` */
  usage_id: z.string(),
  /** Partition of the day index: `gpu#YYYY-MM-DD` of the launch, UTC. */
  day: z.string(),
  at_ms: z.number(),
  instance_id: z.string(),
  instance_type: z.string(),
  seen_at_ms: z.number(),
  /** Absent while it runs. */
  stopped_at_ms: z.number().optional(),
});
export type GpuIntervalRow = z.infer<typeof GpuIntervalRow>;

/** One transcribed chunk, written by the worker in the transaction that makes the chunk done. */
export const UsageRow = z.object({
  /** `<session>#<chunk>#<fence>` */
  usage_id: z.string(),
  /** Partition of the day index: `use#YYYY-MM-DD` of the commit, UTC. */
  day: z.string(),
  at_ms: z.number(),
  user_id: z.string(),
  session_id: z.string(),
  chunk_number: z.number().int(),
  /** 0 for what was transcribed before. */
  audio_seconds: z.number(),
  reused: z.literal(true).optional(),
  instance_id: z.string(),
  /** Most memory that the worker's process has had so far. */
  worker_mb: z.number().optional(),
  /** Version of the worker's code, as the stage names it, and the model that it has loaded. */
  worker_version: z.string().optional(),
  model: z.string().optional(),
});
export type UsageRow = z.infer<typeof UsageRow>;

/** Secondary indexes of the tables. */
export const INDEXES = {
  sessionsByUser: 'by-user',
  sessionsDue: 'due',
  chunksPending: 'pending',
  chunksDead: 'dead',
  chunksByContent: 'by-content',
  ledgerByDay: 'by-day',
  deliveriesDue: 'due',
  jobsByUser: 'by-user',
  jobsDue: 'due',
  jobsOpen: 'open',
} as const;
