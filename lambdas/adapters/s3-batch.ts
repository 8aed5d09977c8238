import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import type { BucketListing, CanonicalResults, ListedObject, RunFiles } from '../../core/batch-run/ports.ts';
import { chunkTranscriptKey, PENDING_JOBS_KEY, reportKey, runChunksKey } from '../../core/contracts/keys.ts';
import { BatchReport, ListedChunk, PendingJobs } from '../../core/contracts/report.ts';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';

const USERS = 'users/';

export function s3BucketListing(s3: S3Client, bucket: string): BucketListing {
  return {
    async users() {
      const users: string[] = [];
      let token: string | undefined;
      do {
        const page = await s3.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: USERS, Delimiter: '/', ContinuationToken: token }),
        );
        users.push(...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix.slice(USERS.length, -1)));
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return users;
    },

    async *objectsOf(userId, after) {
      let token: string | undefined;
      do {
        const page = await s3.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: `${USERS}${userId}/`, StartAfter: after, ContinuationToken: token }),
        );
        yield (page.Contents ?? []).map(
          ({ Key: key = '', ETag = '', Size = 0, LastModified }): ListedObject => ({
            key,
            etag: ETag.replaceAll('"', ''),
            sizeBytes: Size,
            modifiedAtMs: LastModified?.getTime() ?? 0,
          }),
        );
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
  };
}

async function read(s3: S3Client, bucket: string, key: string): Promise<string | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString('utf8')) ?? '';
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

export function s3CanonicalResults(s3: S3Client, bucket: string): CanonicalResults {
  return {
    async readCanonical({ user_id, session_id, chunk_number }) {
      const place = { userId: user_id, sessionId: session_id, chunkNumber: chunk_number };
      try {
        return ChunkTranscript.safeParse(JSON.parse((await read(s3, bucket, chunkTranscriptKey(place))) ?? '')).data;
      } catch (error) {
        if (error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
  };
}

export function s3RunFiles(s3: S3Client, bucket: string): RunFiles {
  const write = async (Key: string, content: unknown): Promise<void> => {
    await s3.send(
      new PutObjectCommand({ Bucket: bucket, Key, Body: JSON.stringify(content, null, 1), ContentType: 'application/json' }),
    );
  };
  const parsed = async <Schema extends z.ZodType>(key: string, schema: Schema): Promise<z.infer<Schema> | undefined> => {
    const text = await read(s3, bucket, key);
    return text === undefined ? undefined : schema.parse(JSON.parse(text));
  };
  return {
    writeChunks: (runId, chunks) => write(runChunksKey(runId), chunks),
    async readChunks(runId) {
      const chunks = await parsed(runChunksKey(runId), z.array(ListedChunk));
      if (chunks === undefined) throw new Error(`the chunk list of ${runId} does not exist`);
      return chunks;
    },
    writePending: (pending) => write(PENDING_JOBS_KEY, pending),
    readPending: () => parsed(PENDING_JOBS_KEY, PendingJobs),
    writeReport: (runId, report) => write(reportKey(runId), report),
    readReport: (runId) => parsed(reportKey(runId), BatchReport),
  };
}
