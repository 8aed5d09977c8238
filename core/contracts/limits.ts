/** Limits and durations of the contracts; the unit is in the name. */

export const MAX_CHUNK_BYTES = 25 * 1024 * 1024;
export const MAX_CHUNK_SECONDS = 600;
export const MAX_CHUNK_NUMBER = 99_999;
/** Upper bound of all times in a recording. */
export const MAX_RECORDING_SECONDS = MAX_CHUNK_NUMBER * MAX_CHUNK_SECONDS;
/**
 * Chunks that may still be uploading when a recording is completed: `chunkCount` may exceed the highest uploaded chunk number
 * by this many. A day of 30 s chunks.
 */
export const MAX_CHUNKS_UNDER_WAY = 2880;
/** Assumed length of a chunk of unknown length. */
export const NOMINAL_CHUNK_SECONDS = 30;
export const UPLOAD_URL_SECONDS = 300;
/** Lifetime of a presigned download URL. */
export const DOWNLOAD_URL_SECONDS = 3600;
/** A range has a text if at least this share of it is covered. */
export const RANGE_COVERAGE = 0.8;
/** Lambda responses are limited to 6 MB. A larger JSON result than this is returned as a redirect to S3. */
export const MAX_INLINE_JSON_BYTES = 4_000_000;
/** Duration of a worker's lease on a chunk, and of the visibility timeout of its message. */
export const LEASE_SECONDS = 60;
/** While no run is serving, a waiting chunk gets another message and a run is requested after this long. */
export const UNSERVED_SECONDS = 60;
/** While a run is serving, a waiting chunk gets another message after this long. Duplicates are harmless. */
export const REQUEUE_SECONDS = 600;
/** A recording without a new chunk for this long is closed. Later chunks are still ingested. */
export const ABANDONED_SECONDS = 1800;
/** After this long, nothing new can appear under a deleted session: upload URL, lease and a margin. */
export const PURGE_AGAIN_SECONDS = UPLOAD_URL_SECONDS + LEASE_SECONDS + 240;
/** Chunks in one part of a stored text. @see core/transcripts/joined-parts.ts */
export const PART_CHUNKS = 8;
/** Partitions of the pending index. */
export const PENDING_SHARDS = 4;
/** A lock that is not renewed for this long is stale. */
export const LOCK_STALE_SECONDS = 1800;
/** Longest time that one session may hold the lock. */
export const LOCK_CAP_SECONDS = 12 * 3600;
/** An upload renews its session's lock if it was last renewed this long ago. Recorders renew it every minute themselves. */
export const UPLOAD_RENEWS_SECONDS = 60;
/** The canonical file of a committed result exists after this long; if it does not, it was removed. */
export const PUBLISHED_SECONDS = 10;
