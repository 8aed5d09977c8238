/** S3 keys of the bucket. Only the server builds them; a key that comes back from S3 is parsed, never trusted. */
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
/** Part of a session's joined text, and what continues it. `lastChunk`: number of its last chunk. */
export const joinedPartKey = (place: SessionPlace, lastChunk: number): string =>
  `${sessionPrefix(place)}results/joined-${padded(lastChunk)}.json.gz`;
export const joinedEndKey = (place: SessionPlace, lastChunk: number): string =>
  `${sessionPrefix(place)}results/joined-${padded(lastChunk)}-end.json.gz`;
/** Transcript of a running recording, if it is too large for a response. */
export const liveKey = (place: SessionPlace): string => `${sessionPrefix(place)}results/live.json`;
/** Tag of copies that are deleted after a day. */
export const EXPORT_TAG = { copy: 'export' };
/** A text that is too large for a response, in the format and with the options that `name` tells. */
export const exportKey = (place: SessionPlace, name: string): string => `${sessionPrefix(place)}exports/${name}`;
export const editsKey = (place: SessionPlace): string => `${sessionPrefix(place)}edits.json`;
export const notesKey = (place: SessionPlace): string => `${sessionPrefix(place)}notes.json`;
export const transcriptKey = (place: SessionPlace): string => `${sessionPrefix(place)}transcription.json`;

const CHUNK_KEY = new RegExp(`^users/([^/]+)/sessions/([^/]+)/chunk-(\\d{3,5})\\.(?:${CHUNK_EXTENSIONS.join('|')})$`);

/** Parses the key of a chunk; undefined for every other object. */
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
export const fileEditsKey = (place: FilePlace): string => `${filePrefix(place)}edits.json`;
export const fileExportKey = (place: FilePlace, name: string): string => `${filePrefix(place)}exports/${name}`;
/** Intermediate results of a file job. */
export const fileResultsPrefix = (place: FilePlace): string => `${filePrefix(place)}results/`;
const SOURCE_KEY = /^users\/([^/]+)\/files\/(job_[0-9A-Z]{26})\/source\.\w+$/;

/** Parses the key of an uploaded file; undefined for every other object. */
export function parseSourceKey(key: string): FilePlace | undefined {
  const [, userId, jobId] = SOURCE_KEY.exec(key) ?? [];
  return userId === undefined || jobId === undefined ? undefined : { userId, jobId };
}
/** Chunks and the parts of file jobs share one table; this tells their partition keys apart. */
export const isJobId = (id: string): boolean => id.startsWith('job_');

const EXTENSION = `(?:${CHUNK_EXTENSIONS.join('|')})`;
const CHUNK_NAME = new RegExp(`^chunk-(\\d{1,5})\\.${EXTENSION}$`);
const TRANSCRIPT_NAME = /^transcription-chunk-(\d{1,5})\.json$/;
const RESULT_NAME = /^results\/(\d{1,5})\.\d+\.json$/;

/** An object of a session: an uploaded chunk, its canonical transcript, or a result that a worker wrote. */
export interface SessionObject {
  readonly kind: 'chunk' | 'transcript' | 'result';
  readonly place: ChunkPlace;
  /** The session's folder. */
  readonly folder: string;
}

/**
 * Parses the key of a chunk's object, including keys of older recorders: any folders between the user and a folder whose name
 * contains `session_`, and any leading zeros. Undefined for every other object.
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
/** Missing chunks that the newest scan found. */
export const PENDING_JOBS_KEY = `${REPORTS_PREFIX}pending-jobs.json`;
/** Chunks that a run must have transcribed; its report is computed from their outcomes. */
export const runChunksKey = (runId: string): string => `${REPORTS_PREFIX}runs/${runId}.json`;
