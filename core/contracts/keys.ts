/** S3 keys of the one bucket. Only the server builds them; a key that comes back from S3 is parsed, never trusted. */
import { MAX_CHUNK_NUMBER } from './limits.ts';
import { CHUNK_EXTENSIONS } from './media.ts';

export interface SessionPlace {
  readonly userId: string;
  readonly sessionId: string;
}
export interface ChunkPlace extends SessionPlace {
  readonly chunkNumber: number;
}

export const SESSION_ID = /^session_[A-Za-z0-9_-]{1,64}$/;

const padded = (chunkNumber: number): string => String(chunkNumber).padStart(3, '0');
export const sessionPrefix = ({ userId, sessionId }: SessionPlace): string => `users/${userId}/sessions/${sessionId}/`;
export const chunkKey = (place: ChunkPlace, extension: string): string =>
  `${sessionPrefix(place)}chunk-${padded(place.chunkNumber)}.${extension}`;
export const chunkTranscriptKey = (place: ChunkPlace): string =>
  `${sessionPrefix(place)}transcription-chunk-${padded(place.chunkNumber)}.json`;
/** Results of a session's chunks in one object, so that a long transcript is not read chunk by chunk. */
export const bundleKey = (place: SessionPlace): string => `${sessionPrefix(place)}results/bundle.json`;
/** A growing transcript that is too large for an answer. */
export const liveKey = (place: SessionPlace): string => `${sessionPrefix(place)}results/live.json`;
export const editsKey = (place: SessionPlace): string => `${sessionPrefix(place)}edits.json`;
export const transcriptKey = (place: SessionPlace): string => `${sessionPrefix(place)}transcription.json`;

const CHUNK_KEY = new RegExp(`^users/([^/]+)/sessions/([^/]+)/chunk-(\\d{3,5})\\.(?:${CHUNK_EXTENSIONS.join('|')})$`);

/** The chunk that a key names, or undefined for every other object of the bucket. */
export function parseChunkKey(key: string): ChunkPlace | undefined {
  const [, userId, sessionId, digits] = CHUNK_KEY.exec(key) ?? [];
  if (userId === undefined || sessionId === undefined || !SESSION_ID.test(sessionId)) return undefined;
  const chunkNumber = Number(digits);
  const canonical = padded(chunkNumber) === digits;
  if (!canonical || chunkNumber < 1 || chunkNumber > MAX_CHUNK_NUMBER) return undefined;
  return { userId, sessionId, chunkNumber };
}
