/** Rows of the tables as they are stored. The Python worker also writes chunk and ledger rows: test/fixtures/contracts. */
import * as z from 'zod';
import { LANES } from './lanes.ts';
import { SpeakerNumbers } from './speakers.ts';

const CHUNK_STATES = ['pending', 'leased', 'done', 'dead'] as const;

/**
 * A chunk of a recording, a file (row 0 of its job), or a part of a file.
 *
 *   no row --upload--> pending (dead if its size is invalid) --claim--> leased --commit--> done
 *   leased --failed attempt, or release--> pending; leased --lease expired, and another claim--> leased
 *   leased --third failed attempt, or second death while alone--> dead
 *   dead --retry--> pending; done --result lost--> pending; done, dead --retranscription--> pending
 *   any state --new audio--> pending
 *
 * The worker writes the claim and what ends a lease (gpu_worker/cloud/stage/chunk_rows.py). The functions write all other transitions.
 */
export const ChunkRow = z.object({
  session_id: z.string(),
  chunk_number: z.number().int(),
  user_id: z.string(),
  state: z.enum(CHUNK_STATES),
  lane: z.enum(LANES),
  language: z.string().optional(),
  /** Whether speakers are detected. */
  diarize: z.boolean().optional(),
  ...SpeakerNumbers.shape,
  /** Whether channels are transcribed separately. */
  channels: z.literal('separate').optional(),
  object_key: z.string(),
  etag: z.string(),
  size_bytes: z.number(),
  uploaded_at_ms: z.number(),
  /** Length that the recorder declared; `duration_seconds`, counted by the worker, has priority over it. */
  said_seconds: z.number().optional(),
  /** The recorder's clock when this chunk began. */
  started_at_ms: z.number().optional(),
  /** Audio at its beginning that is also the end of the previous chunk. */
  overlap_ms: z.number().optional(),
  /** Attempts so far, 3 at most. Each claim counts unless a command, a stop, a death or another chunk's failure ended it. */
  attempts: z.number().int(),
  /** A worker died while it held this chunk, so the chunk is transcribed alone from now on. */
  suspect: z.boolean().optional(),
  /** The current worker transcribes this chunk alone. */
  alone: z.boolean().optional(),
  /** Workers that died while they transcribed this chunk alone. */
  deaths: z.number().int().optional(),
  /** Workers that were killed from outside while they transcribed this chunk alone. */
  kills: z.number().int().optional(),
  /** Increases with every claim and replacement. A write with an older fence is refused. */
  fence: z.number().int(),
  /** When the last message for this row was sent. */
  queued_at_ms: z.number(),
  next_attempt_at_ms: z.number().default(0),
  lease_until_ms: z.number().optional(),
  worker_id: z.string().optional(),
  claimed_at_ms: z.number().optional(),
  raw_text: z.string().optional(),
  /** `raw_text` after the user's corrections of version `corrections_version`. */
  corrected_text: z.string().optional(),
  /** How often each of the user's target words occurs in `corrected_text`. */
  word_counts: z.record(z.string(), z.number().int()).optional(),
  corrections_version: z.number().int().optional(),
  duration_seconds: z.number().optional(),
  transcribed_at_ms: z.number().optional(),
  result_key: z.string().optional(),
  /** `<user>#<SHA-256>#<options>#<engine version>`. Chunks with the same key share one result. */
  content_key: z.string().optional(),
  /** Loudest sample of each tenth of a second, one byte each, base64. */
  peaks: z.string().optional(),
  /** Number of the chunk that starts its stream, if it is a later piece of one. Used by the worker. */
  stream_start: z.number().int().optional(),
  /** Model other than the stage's default. */
  model: z.string().optional(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  /** Whether the worker also makes a compressed copy of the file. */
  compress: z.boolean().optional(),
  /** Progress of the worker, 0 to 1. */
  progress: z.number().optional(),
  error_message: z.string().optional(),
  /** Other bytes may replace this chunk (requested with `replace: true`). */
  replace_allowed: z.boolean().optional(),
  /** Number of the session's retranscription that this row belongs to. */
  retranscription: z.number().int().optional(),
  /** Outcome before the retranscription. It is what clients read until the whole session is transcribed again. */
  former: z
    .object({
      state: z.enum(['done', 'dead']),
      fence: z.number().int(),
      result_key: z.string().optional(),
      error_message: z.string().optional(),
    })
    .optional(),
  /** Partition of the sparse pending index; set on unfinished rows only. */
  pending_shard: z.string().optional(),
  /** Partition of the sparse index of dead rows. */
  dead_shard: z.literal('dead').optional(),
});
export type ChunkRow = z.infer<typeof ChunkRow>;

/** A recording; @see core/sessions/session.ts for its states. */
export const SessionRow = z.object({
  session_id: z.string(),
  user_id: z.string(),
  title: z.string().optional(),
  language: z.string().optional(),
  /** First language that was detected with confidence; used for chunks whose own detection is unsure. */
  detected_language: z.string().optional(),
  /** Model other than the stage's default, for all chunks from now on. */
  model: z.string().optional(),
  live: z.boolean(),
  diarize: z.boolean().optional(),
  ...SpeakerNumbers.shape,
  channels: z.literal('separate').optional(),
  /** Context and preferred words for the model. */
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
  state: z.enum(['recording', 'completed', 'deleted']),
  created_at_ms: z.number(),
  /** When the recording began, as the client declared. */
  recorded_at_ms: z.number().optional(),
  /** Partition of the sparse index of sessions that must be processed at `due_at_ms`. */
  due_shard: z.literal('due').optional(),
  /** When an abandoned recording is closed, a retranscription continued, or a deleted session purged again. */
  due_at_ms: z.number().optional(),
  /** The session was closed automatically because `complete` was never sent. */
  abandoned: z.boolean().optional(),
  deleted_at_ms: z.number().optional(),
  chunk_count: z.number().int().optional(),
  completed_at_ms: z.number().optional(),
  /** How often the recording went on after it was completed. */
  resumptions: z.number().int().optional(),
  /** Idempotency key of the newest one. */
  resumed_by: z.string().optional(),
  /** Newest version of the user's edits of the transcript. */
  edits_version: z.number().int().optional(),
  /** Increases whenever outcomes or corrected texts of the session's chunks have changed. */
  text_revision: z.number().int().optional(),
  /** Number of leading chunks whose joined text is stored in parts. @see core/transcripts/joined-parts.ts */
  settled_chunks: z.number().int().optional(),
  transcript_status: z.enum(['completed', 'partial']).optional(),
  transcript_written_at_ms: z.number().optional(),
  /** What the transcript was made of. @see sourceOf in core/transcripts/assemble.ts */
  transcript_of: z.string().optional(),
  /** The newest retranscription. `is_queued`: all of its chunks have been queued. */
  retranscription: z.object({ number: z.number().int(), requested_at_ms: z.number(), is_queued: z.boolean() }).optional(),
  /** Number of the retranscription whose results are in the transcript. */
  transcript_retranscription: z.number().int().optional(),
});
export type SessionRow = z.infer<typeof SessionRow>;

/** Settings of a user; one row per user. `version` increases with every change of the settings. */
export const SettingsRow = z.object({
  user_id: z.string(),
  version: z.number().int(),
  corrections: z.unknown().optional(),
  /** Number of rows that hold the corrections, if they are too large for this row. */
  corrections_parts: z.number().int().optional(),
  /** Version that has been applied to all chunks and transcripts of the user. */
  applied_version: z.number().int().default(0),
  /** Position in the user's sessions up to which the newest version has been applied. */
  apply_cursor: z.string().optional(),
  /** Slices of that work so far. Each one changes the row, and the stream record of the change starts the next slice. */
  apply_slices: z.number().int().optional(),
});
export type SettingsRow = z.infer<typeof SettingsRow>;

/** What a user has set for all of their recordings. */
export const RecordingDefaultsRow = z.object({
  /** `<user>#recording` */
  user_id: z.string(),
  prompt: z.string().optional(),
  hotwords: z.string().optional(),
});
export type RecordingDefaultsRow = z.infer<typeof RecordingDefaultsRow>;

/** Part of a user's corrections: a slice of the compressed JSON. */
export const CorrectionsPartRow = z.object({
  /** `<user>#<part>`, from 0 */
  user_id: z.string(),
  /** Version of the corrections that this part belongs to. */
  part_of: z.number().int(),
  gzip: z.instanceof(Uint8Array),
});
export type CorrectionsPartRow = z.infer<typeof CorrectionsPartRow>;

/** Why no run is started although one is requested. */
const WAITS_FOR = ['failures', 'capacity', 'budget'] as const;
export type WaitReason = (typeof WAITS_FOR)[number];

/** One row for the whole pool: the run that is serving, and a counter of requests for a machine. */
export const PoolRow = z.object({
  id: z.literal('pool'),
  version: z.number().int(),
  /** Number of requests for a machine so far. */
  wanted_seq: z.number().int(),
  /** Number of runs that have ended. It names the next run, so that all callers start the same one. */
  epoch: z.number().int(),
  /** The run that is serving: its current machines, those that EC2 had no capacity for, and whether any machine drained. */
  serving: z
    .object({ run_id: z.string(), machines: z.array(z.string()), tried: z.array(z.string()), drained: z.boolean() })
    .optional(),
  failed_runs: z.number().int(),
  /** No machine is started before this time, for the reason in `waits_for`. */
  next_start_at_ms: z.number(),
  waits_for: z.enum(WAITS_FOR).optional(),
  /** Name of the last error that made a machine leave a run. Removed when a run succeeds. */
  last_error: z.string().optional(),
});
export type PoolRow = z.infer<typeof PoolRow>;

/**
 * One row per GPU instance; @see core/fleet/fleet.ts. `idle`: it has no holder. `running`: it has holders. `draining`: a stop is
 * decided; no holder can join until the machine is confirmed stopped and the decided stop can no longer be sent.
 */
export const InstanceRow = z.object({
  id: z.string(),
  version: z.number().int(),
  state: z.enum(['idle', 'running', 'draining']),
  /** Increases with every decided stop. */
  fence: z.number().int(),
  /** Run id, `person:<sub>` or `adopted` -> time (ms) at which the holder expires. */
  holders: z.record(z.string(), z.number()),
  /** A holder started the machine, or the reaper adopted it. Only then does its last holder stop it. */
  started_by_us: z.boolean(),
  /** A worker was ready on this machine before, so the next boot has nothing to install. */
  ready_once: z.boolean().default(false),
  stop_decided_at_ms: z.number().optional(),
  /** Run that decided the stop and sends it. If absent, the reaper or an admin sends it. */
  stopper: z.string().optional(),
  /** When the reaper or an admin last decided to send a stop. */
  last_stop_at_ms: z.number().optional(),
});
export type InstanceRow = z.infer<typeof InstanceRow>;

/** Running time of a GPU instance as EC2 reports it. One row per launch, in the ledger. */
export const GpuIntervalRow = z.object({
  /** `gpu#<instance>#<launch time in ms>` */
  usage_id: z.string(),
  /** Partition of the day index: `gpu#YYYY-MM-DD` of the launch, UTC. */
  day: z.string(),
  at_ms: z.number(),
  instance_id: z.string(),
  instance_type: z.string(),
  /** Last time that EC2 reported it as running; its end if it has stopped. */
  seen_at_ms: z.number(),
  /** Absent while it runs. */
  stopped_at_ms: z.number().optional(),
});
export type GpuIntervalRow = z.infer<typeof GpuIntervalRow>;

/** Ledger row with the GPU time of a past day (UTC), so that the days of a month need not be added up again. */
export const DaySumRow = z.object({
  /** `sum#YYYY-MM-DD` */
  usage_id: z.string(),
  /** Partition of the day index: `sum#YYYY-MM`. */
  day: z.string(),
  /** Beginning of the day. */
  at_ms: z.number(),
  gpu_seconds: z.number(),
});
export type DaySumRow = z.infer<typeof DaySumRow>;

/** Ledger row of a transcribed chunk, written by the worker in the transaction that makes the chunk `done`. */
export const UsageRow = z.object({
  /** `<session>#<chunk>#<fence>` */
  usage_id: z.string(),
  /** Partition of the day index: `use#YYYY-MM-DD` of the commit, UTC. */
  day: z.string(),
  at_ms: z.number(),
  user_id: z.string(),
  session_id: z.string(),
  chunk_number: z.number().int(),
  /** 0 for a reused result. */
  audio_seconds: z.number(),
  reused: z.literal(true).optional(),
  instance_id: z.string(),
  /** Peak memory of the worker's process so far. */
  worker_mb: z.number().optional(),
  /** Version of the worker's code, and the model that it has loaded. */
  worker_version: z.string().optional(),
  model: z.string().optional(),
  /** `cuda` or `cpu`. */
  device: z.string().optional(),
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
