/** Reads exported data of older systems from a folder: sessions with chunks and texts, and jobs of the older service. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { CHUNK_EXTENSIONS } from '../../core/contracts/media.ts';
import type { ChunkTranscript } from '../../core/contracts/transcript.ts';

export interface OlderChunk {
  readonly number: number;
  readonly file: string;
  readonly extension: string;
  readonly text?: OldText;
}
export interface OlderSession {
  readonly id: string;
  readonly createdAtMs: number;
  readonly chunks: readonly OlderChunk[];
}
export interface OlderJob {
  readonly oldId: string;
  readonly filename: string;
  readonly createdAtMs: number;
  /** Undefined unless the job completed with a text. */
  readonly text?: string;
  readonly error?: string;
}
export interface Older {
  readonly sessions: readonly OlderSession[];
  readonly jobs: readonly OlderJob[];
  /** Matching files that could not be parsed, with the reason. */
  readonly unreadable: readonly string[];
}

const SESSION_FOLDER = /session_[A-Za-z0-9_-]{1,64}/;
const CHUNK_FILE = new RegExp(`^chunk-(\\d{1,5})\\.(${CHUNK_EXTENSIONS.join('|')})$`);
const TEXT_FILE = /^transcription-chunk-(\d{1,5})\.json$/;
const NEVER_FINISHED = 'the job was never finished in the system that it was imported from';

const OldWord = z.object({ word: z.string(), start: z.number(), end: z.number(), probability: z.number().default(1) });
const OldSegment = z.object({
  start: z.number(),
  end: z.number(),
  text: z.string(),
  avg_logprob: z.number().default(0),
  no_speech_prob: z.number().default(0),
  compression_ratio: z.number().default(1),
  words: z.array(OldWord).default([]),
});
const OldText = z.object({
  text: z.string(),
  language: z.string().default('en'),
  model: z.string().default('imported'),
  duration_seconds: z.number().positive().optional(),
  segments: z.array(OldSegment).default([]),
});
type OldText = z.infer<typeof OldText>;
const OldJob = z.object({
  job_id: z.string().min(1),
  status: z.enum(['queued', 'processing', 'completed', 'failed']),
  filename: z.string().optional(),
  transcript: z.string().nullish(),
  error: z.string().nullish(),
  created_at: z.union([z.number(), z.iso.datetime({ offset: true })]).optional(),
});

const ULID_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Derives the new job id from the old one, so that a repeated import finds the existing job. */
export function jobIdOf(userId: string, oldId: string): string {
  const bytes = createHash('sha256').update(`${userId}\0${oldId}`).digest();
  const letters = [...bytes.subarray(0, 25)].map((byte) => ULID_LETTERS[byte % ULID_LETTERS.length]);
  return `job_0${letters.join('')}`;
}

/** Converts an old result to the current format; missing fields get defaults. */
export function transcriptOf(sessionId: string, chunkNumber: number, old: OldText): ChunkTranscript {
  const last = old.segments.at(-1)?.end ?? 0;
  return {
    ...{ sessionId, chunkNumber, language: old.language, model: old.model, text: old.text },
    duration_seconds: old.duration_seconds ?? Math.max(last, 1),
    segments: old.segments.map((segment, id) => ({ id, ...segment })),
  };
}

const timeOf = (createdAt: string | number | undefined, file: string): number => {
  if (typeof createdAt === 'string') return Date.parse(createdAt);
  if (createdAt !== undefined) return createdAt < 1e11 ? createdAt * 1000 : createdAt; // seconds or milliseconds
  return statSync(file).mtimeMs;
};

/** Reads a folder recursively. @throws Error if it does not exist */
export function readOlder(folder: string): Older {
  const sessions = new Map<string, { createdAtMs: number; chunks: Map<number, OlderChunk>; texts: Map<number, OldText> }>();
  const jobs: OlderJob[] = [];
  const unreadable: string[] = [];

  function parsed<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> | undefined {
    try {
      return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      unreadable.push(`${file}: ${error instanceof z.ZodError ? z.prettifyError(error).split('\n')[0] : 'not JSON'}`);
      return undefined;
    }
  }

  function readSessionFile(id: string, file: string, name: string): void {
    const session = sessions.get(id) ?? { createdAtMs: Number.POSITIVE_INFINITY, chunks: new Map(), texts: new Map() };
    const [, digits, extension] = CHUNK_FILE.exec(name) ?? [];
    const [, ofText] = TEXT_FILE.exec(name) ?? [];
    if (digits !== undefined && extension !== undefined) {
      session.chunks.set(Number(digits), { number: Number(digits), file, extension });
      session.createdAtMs = Math.min(session.createdAtMs, statSync(file).mtimeMs);
    } else if (ofText !== undefined) {
      const text = parsed(file, OldText);
      if (text !== undefined) session.texts.set(Number(ofText), text);
    } else return;
    sessions.set(id, session);
  }

  function readJobsFile(file: string): void {
    for (const job of parsed(file, z.union([z.array(OldJob), OldJob.transform((one) => [one])])) ?? []) {
      const { job_id: oldId, status, filename = `${oldId}.wav`, transcript, error, created_at } = job;
      const isDone = status === 'completed' && typeof transcript === 'string';
      const failure = status === 'failed' ? (error ?? 'the job failed') : NEVER_FINISHED;
      jobs.push({
        ...{ oldId, filename, createdAtMs: timeOf(created_at, file) },
        ...(isDone ? { text: transcript } : { error: failure.slice(0, 500) }),
      });
    }
  }

  function walk(path: string, session: string | undefined): void {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => a.name.localeCompare(b.name))) {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) walk(inside, SESSION_FOLDER.exec(entry.name)?.[0] ?? session);
      else if (session !== undefined) readSessionFile(session, inside, entry.name);
      else if (/^jobs?\b.*\.json$/.test(entry.name)) readJobsFile(inside);
    }
  }

  walk(folder, SESSION_FOLDER.exec(folder.split('/').at(-1) ?? '')?.[0]);
  return {
    sessions: [...sessions]
      .filter(([, { chunks }]) => chunks.size > 0)
      .map(([id, { createdAtMs, chunks, texts }]) => ({
        ...{ id, createdAtMs },
        chunks: [...chunks.values()]
          .sort((a, b) => a.number - b.number)
          .map((chunk) => {
            const text = texts.get(chunk.number);
            return { ...chunk, ...(text !== undefined && { text }) };
          }),
      })),
    ...{ jobs, unreadable },
  };
}
