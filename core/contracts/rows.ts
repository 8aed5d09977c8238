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
  object_key: z.string(),
  etag: z.string(),
  size_bytes: z.number(),
  uploaded_at_ms: z.number(),
  /** Claims so far; a claim that a command or a stop ended is given back. */
  attempts: z.number().int(),
  /** Rises with every claim and replacement; a write with an old one is refused. */
  fence: z.number().int(),
  /** Last time a message for this row was sent. */
  queued_at_ms: z.number(),
  next_attempt_at_ms: z.number().default(0),
  lease_until_ms: z.number().optional(),
  worker_id: z.string().optional(),
  raw_text: z.string().optional(),
  duration_seconds: z.number().optional(),
  transcribed_at_ms: z.number().optional(),
  result_key: z.string().optional(),
  error_message: z.string().optional(),
  /** Other bytes may take this chunk's place (asked for with `replace: true`). */
  replace_allowed: z.boolean().optional(),
  /** Partition of the sparse pending index; only on rows that still wait for a result. */
  pending_shard: z.string().optional(),
});
export type ChunkRow = z.infer<typeof ChunkRow>;

export const SessionRow = z.object({
  session_id: z.string(),
  user_id: z.string(),
  title: z.string().optional(),
  language: z.string().optional(),
  live: z.boolean(),
  state: z.enum(['recording', 'completed']),
  created_at_ms: z.number(),
  chunk_count: z.number().int().optional(),
  completed_at_ms: z.number().optional(),
  transcript_status: z.enum(['completed', 'partial']).optional(),
  transcript_written_at_ms: z.number().optional(),
  /** Fingerprint of the rows that the transcript was made of. */
  transcript_of: z.string().optional(),
});
export type SessionRow = z.infer<typeof SessionRow>;

/** One row for the whole pool: who serves, and the newest wish that somebody must have seen before leaving. */
export const PoolRow = z.object({
  id: z.literal('pool'),
  version: z.number().int(),
  wanted_seq: z.number().int(),
  /** Counts runs that came to an end; names the next one, so that all who want it want the same. */
  epoch: z.number().int(),
  serving_run: z.string().optional(),
  failed_runs: z.number().int(),
  /** After failed runs nobody boots a machine before this time. */
  next_start_at_ms: z.number(),
});
export type PoolRow = z.infer<typeof PoolRow>;

/**
 * One row per GPU instance. `idle`: no run of ours holds it; `draining`: a stop is decided, nobody joins until the machine
 * is confirmed stopped.
 */
export const InstanceRow = z.object({
  id: z.string(),
  version: z.number().int(),
  state: z.enum(['idle', 'running', 'draining']),
  /** Rises with every decided stop. */
  fence: z.number().int(),
  /** Run id -> time (ms) at which the holder is dead whatever it says. */
  holders: z.record(z.string(), z.number()),
  started_by_us: z.boolean(),
});
export type InstanceRow = z.infer<typeof InstanceRow>;

/** Secondary indexes of the tables. */
export const INDEXES = { sessionsByUser: 'by-user', chunksPending: 'pending' } as const;
