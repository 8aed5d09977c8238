/** Limits and figures of the contracts, each with its unit. */

export const MAX_CHUNK_BYTES = 25 * 1024 * 1024;
export const MAX_CHUNK_SECONDS = 600;
export const MAX_CHUNK_NUMBER = 99_999;
/** Length that a chunk is taken to have while nobody has decoded it. */
export const NOMINAL_CHUNK_SECONDS = 30;
export const UPLOAD_URL_SECONDS = 300;
/** How long a player may take to ask for the audio. */
export const DOWNLOAD_URL_SECONDS = 3600;
/** A range answers from the cache when at least this share of it is covered. */
export const RANGE_COVERAGE = 0.8;
/** API Gateway and Lambda answer at most 6 MB; above this a JSON result is a redirect to S3. */
export const MAX_INLINE_JSON_BYTES = 4_000_000;
export const LEASE_SECONDS = 60;
/** A live chunk that nobody serves for this long starts a run of its own. */
export const UNSERVED_SECONDS = 60;
/** A message that was sent this long ago without effect is sent again: duplicates are harmless, losses are not. */
export const REQUEUE_SECONDS = 600;
/** A recording of which no chunk came for this long is closed by itself; what comes later is taken in all the same. */
export const ABANDONED_SECONDS = 1800;
/** Longest time after which something can still appear under a deleted session: upload URL, lease, and a minute each. */
export const PURGE_AGAIN_SECONDS = UPLOAD_URL_SECONDS + LEASE_SECONDS + 240;
/** Committed chunks after which the results so far are put together in one object. */
export const BUNDLE_EVERY = 8;
/** Partitions of the pending index. */
export const PENDING_SHARDS = 4;
/** A lock that nobody renews for this long is stale. */
export const LOCK_STALE_SECONDS = 1800;
/** Longest time that one session may hold the batch back. */
export const LOCK_CAP_SECONDS = 12 * 3600;
/** An upload renews its session's lock when nobody has for this long; recorders do it every minute themselves. */
export const UPLOAD_RENEWS_SECONDS = 60;
/** A committed result has its canonical file after this long; where it lacks then, somebody took it away. */
export const PUBLISHED_SECONDS = 10;
