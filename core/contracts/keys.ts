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

export interface FilePlace {
  readonly userId: string;
  readonly jobId: string;
}
export const filePrefix = ({ userId, jobId }: FilePlace): string => `users/${userId}/files/${jobId}/`;
export const sourceKey = (place: FilePlace, extension: string): string => `${filePrefix(place)}source.${extension}`;
export const fileTranscriptKey = (place: FilePlace): string => `${filePrefix(place)}transcription.json`;
/** What workers make of a file on the way. */
export const fileResultsPrefix = (place: FilePlace): string => `${filePrefix(place)}results/`;
const SOURCE_KEY = /^users\/([^/]+)\/files\/(job_[0-9A-Z]{26})\/source\.\w+$/;

/** The file job whose upload a key names, or undefined for every other object. */
export function parseSourceKey(key: string): FilePlace | undefined {
  const [, userId, jobId] = SOURCE_KEY.exec(key) ?? [];
  return userId === undefined || jobId === undefined ? undefined : { userId, jobId };
}
/** Rows of chunks and of files' parts are in one table. */
export const isJobId = (id: string): boolean => id.startsWith('job_');

const EXTENSION = `(?:${CHUNK_EXTENSIONS.join('|')})`;
const CHUNK_NAME = new RegExp(`^chunk-(\\d{1,5})\\.${EXTENSION}$`);
const TRANSCRIPT_NAME = /^transcription-chunk-(\d{1,5})\.json$/;
const RESULT_NAME = /^results\/(\d{1,5})\.\d+\.json$/;

/** What an object is to its session: an uploaded chunk, its canonical transcript, or a result that a worker wrote. */
export interface SessionObject {
  readonly kind: 'chunk' | 'transcript' | 'result';
  readonly place: ChunkPlace;
  /** The session's folder. */
  readonly folder: string;
}

/**
 * Reads a key as older recorders made them, too: any depth between the user and a folder whose name contains `session_`,
 * numbers with any zeros before. Undefined for everything that is nothing of a chunk.
 */
export function parseSessionObject(key: string): SessionObject | undefined {
  const [users, userId, ...path] = key.split('/');
  const depth = path.findIndex((name) => name.includes('session_'));
  if (users !== 'users' || !userId || depth < 0 || depth === path.length - 1) return undefined;
  const folderName = path[depth] ?? '';
  const sessionId = folderName.slice(folderName.indexOf('session_'));
  if (!SESSION_ID.test(sessionId)) return undefined;
  const name = path.slice(depth + 1).join('/');
  for (const [kind, pattern] of [
    ['chunk', CHUNK_NAME],
    ['transcript', TRANSCRIPT_NAME],
    ['result', RESULT_NAME],
  ] as const) {
    const chunkNumber = Number(pattern.exec(name)?.[1] ?? 0);
    if (chunkNumber < 1 || chunkNumber > MAX_CHUNK_NUMBER) continue;
    const folder = `users/${userId}/${path.slice(0, depth + 1).join('/')}/`;
    return { kind, place: { userId, sessionId, chunkNumber }, folder };
  }
  return undefined;
}

export const REPORTS_PREFIX = 'batch-reports/';
/** `runId` is the run's name, `batch-YYYY-MM-DD-HHMM`. */
export const reportKey = (runId: string): string => `${REPORTS_PREFIX}${runId}.json`;
/** What the newest scan found. */
export const PENDING_JOBS_KEY = `${REPORTS_PREFIX}pending-jobs.json`;
/** What a run has to do; its report is made of how that came out. */
export const runChunksKey = (runId: string): string => `${REPORTS_PREFIX}runs/${runId}.json`;
