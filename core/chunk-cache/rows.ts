/** The initial row of a chunk. */
import type { ChunkPlace } from '../contracts/keys.ts';
import type { Lane } from '../contracts/lanes.ts';
import { MAX_CHUNK_BYTES, PENDING_SHARDS } from '../contracts/limits.ts';
import type { ChunkRow } from '../contracts/rows.ts';
import type { SpeakerNumbers } from '../contracts/speakers.ts';
import { sameSpeakerNumbers } from '../recording-options.ts';
import type { StoredObject } from './ports.ts';

/** Partition of the pending index for a session's rows. */
export function pendingShard(sessionId: string): string {
  let sum = 0;
  for (const character of sessionId) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return `pending-${sum % PENDING_SHARDS}`;
}

/** Why an object of this size cannot be a chunk; undefined if it can. */
function sizeFault(object: StoredObject): string | undefined {
  if (object.sizeBytes === 0) return 'the uploaded file is empty';
  if (object.sizeBytes > MAX_CHUNK_BYTES) return 'the uploaded file exceeds the maximum chunk size';
  return undefined;
}

/** What a new row gets from its session. */
export interface ChunkOptions extends SpeakerNumbers {
  readonly lane: Lane;
  readonly language?: string | undefined;
  readonly model?: string | undefined;
  readonly diarize?: boolean | undefined;
  readonly channels?: 'separate' | undefined;
  readonly prompt?: string | undefined;
  readonly hotwords?: string | undefined;
  /** Number of the session's newest retranscription, which a late chunk joins. */
  readonly retranscription?: number | undefined;
}

/** The initial row of an uploaded chunk. An object of an invalid size is `dead` at once. */
export function firstRow(place: ChunkPlace, object: StoredObject, options: ChunkOptions, nowMs: number): ChunkRow {
  const { lane, language, model, diarize, channels, prompt, hotwords, retranscription } = options;
  const fault = sizeFault(object);
  return {
    session_id: place.sessionId,
    chunk_number: place.chunkNumber,
    user_id: place.userId,
    lane,
    ...(language !== undefined && { language }),
    ...(model !== undefined && { model }),
    ...(diarize && { diarize }),
    ...sameSpeakerNumbers(options),
    ...(channels !== undefined && { channels }),
    ...(prompt !== undefined && { prompt }),
    ...(hotwords !== undefined && { hotwords }),
    ...(retranscription !== undefined && { retranscription }),
    object_key: object.key,
    etag: object.etag,
    size_bytes: object.sizeBytes,
    uploaded_at_ms: object.modifiedAtMs,
    ...(object.declared?.durationSeconds !== undefined && { said_seconds: object.declared.durationSeconds }),
    ...(object.declared?.startedAtMs !== undefined && { started_at_ms: object.declared.startedAtMs }),
    ...(object.declared?.overlapMs !== undefined && { overlap_ms: object.declared.overlapMs }),
    attempts: 0,
    fence: 0,
    queued_at_ms: nowMs,
    next_attempt_at_ms: 0,
    ...(fault === undefined
      ? { state: 'pending', pending_shard: pendingShard(place.sessionId) }
      : { state: 'dead', dead_shard: 'dead', error_message: fault }),
  };
}
