/**
 * Writes imported sessions and jobs to a stage, with the same rows and objects that the stage's functions would have written.
 *
 * Steps of a session: write its row as `recording`, so that it is not assembled yet -> per chunk: result and row (if it has a text),
 * then the audio -> set the row to `completed`.
 *
 * Gotchas: a chunk's row is written before its audio, because ingestion ignores an object whose row exists. All writes require that
 * the row or object does not exist, so a repeated or resumed import adds only what is missing.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { JobRow } from '../../core/contracts/jobs.ts';
import { chunkKey, fileTranscriptKey, sessionPrefix, sourceKey } from '../../core/contracts/keys.ts';
import { EXTENSION_OF_TYPE } from '../../core/contracts/media.ts';
import { ChunkRow, SessionRow, UsageRow } from '../../core/contracts/rows.ts';
import type { FileTranscript } from '../../core/contracts/transcript.ts';
import { utcDay } from '../../core/time.ts';
import { CliError } from '../connection.ts';
import type { StageTarget } from '../stage.ts';
import { jobIdOf, type OlderChunk, type OlderJob, type OlderSession, transcriptOf } from './older.ts';

const IMPORTED_FENCE = 1;
const UPLOAD_MS = 24 * 3_600_000;

export interface Written {
  /** Imported chunks with text. */
  readonly texts: number;
  /** Imported chunks that the next batch transcribes. */
  readonly pending: number;
  /** Chunks that existed already. */
  readonly known: number;
}

const typeOf = (extension: string): string =>
  Object.entries(EXTENSION_OF_TYPE).find(([, known]) => known === extension)?.[0] ?? 'application/octet-stream';

/** Imports into one stage for one user. */
export class StageWriter {
  private readonly dynamo: DynamoDBDocumentClient;
  private readonly s3: S3Client;
  private readonly outputs: Readonly<Record<string, string>>;
  private readonly userId: string;

  constructor({ options, local }: StageTarget, outputs: Readonly<Record<string, string>>, userId: string) {
    this.dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(options), { marshallOptions: { removeUndefinedValues: true } });
    this.s3 = new S3Client({ ...options, forcePathStyle: local !== undefined || process.env['AWS_ENDPOINT_URL'] !== undefined });
    this.outputs = outputs;
    this.userId = userId;
  }

  async session({ id, createdAtMs, chunks }: OlderSession): Promise<Written> {
    const count = Math.max(...chunks.map((chunk) => chunk.number));
    const row = SessionRow.parse({
      ...{ session_id: id, user_id: this.userId, live: false, state: 'recording', created_at_ms: Math.round(createdAtMs) },
      ...{ due_shard: 'due', due_at_ms: Date.now() + UPLOAD_MS },
    });
    if (!(await this.put('SessionsTable', row, 'session_id'))) await this.checkOwner(id);
    let [texts, pending, known] = [0, 0, 0];
    for (const chunk of chunks) {
      const isNew = await this.chunk(id, chunk);
      if (!isNew) known += 1;
      else if (chunk.text === undefined) pending += 1;
      else texts += 1;
    }
    await this.complete(id, count);
    return { texts, pending, known };
  }

  private async checkOwner(session_id: string): Promise<void> {
    const { Item } = await this.dynamo.send(new GetCommand({ TableName: this.outputs['SessionsTable'], Key: { session_id } }));
    if (SessionRow.parse(Item).user_id !== this.userId) throw new CliError(`${session_id} belongs to another user of this stage`);
  }

  /** Imports a chunk; false if it existed. */
  private async chunk(sessionId: string, { number, file, extension, text }: OlderChunk): Promise<boolean> {
    const place = { userId: this.userId, sessionId, chunkNumber: number };
    const Key = chunkKey(place, extension);
    const bytes = readFileSync(file);
    let isNew = true;
    if (text !== undefined) {
      const result = transcriptOf(sessionId, number, text);
      const resultKey = `${sessionPrefix(place)}results/${String(number).padStart(3, '0')}.${IMPORTED_FENCE}.json`;
      await this.object(resultKey, JSON.stringify(result), 'application/json');
      const now = Date.now();
      const row = ChunkRow.parse({
        ...{ session_id: sessionId, chunk_number: number, user_id: this.userId, state: 'done', lane: 'backlog' },
        ...{ object_key: Key, etag: createHash('md5').update(bytes).digest('hex'), size_bytes: bytes.length },
        ...{ uploaded_at_ms: now, queued_at_ms: now, next_attempt_at_ms: 0, attempts: 1, fence: IMPORTED_FENCE },
        ...{ raw_text: result.text, duration_seconds: result.duration_seconds, transcribed_at_ms: now, result_key: resultKey },
      });
      // Usage row before the chunk row, as for every result; imported audio costs nothing.
      const usage = UsageRow.parse({
        ...{
          usage_id: `${sessionId}#${number}#${IMPORTED_FENCE}`,
          day: `use#${utcDay(now)}`,
          at_ms: now,
        },
        ...{
          user_id: this.userId,
          session_id: sessionId,
          chunk_number: number,
          audio_seconds: 0,
          reused: true,
          instance_id: 'import',
        },
      });
      await this.put('LedgerTable', usage, 'usage_id');
      isNew = await this.put('ChunksTable', row, 'session_id');
    }
    const isSent = await this.object(Key, bytes, typeOf(extension));
    return text === undefined ? isSent : isNew;
  }

  private async complete(session_id: string, chunkCount: number): Promise<void> {
    await this.isNew(
      this.dynamo.send(
        new UpdateCommand({
          TableName: this.outputs['SessionsTable'],
          Key: { session_id },
          UpdateExpression: 'SET #state = :completed, chunk_count = :count, completed_at_ms = :now REMOVE due_shard, due_at_ms',
          ConditionExpression: '#state = :recording AND user_id = :user',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: {
            ':completed': 'completed',
            ':recording': 'recording',
            ':count': chunkCount,
            ':now': Date.now(),
            ':user': this.userId,
          },
        }),
      ),
    );
  }

  /** Imports a job; false if it existed. */
  async job({ oldId, filename, createdAtMs, text, error }: OlderJob): Promise<boolean> {
    const jobId = jobIdOf(this.userId, oldId);
    const place = { userId: this.userId, jobId };
    const at = Math.round(createdAtMs);
    if (text !== undefined) {
      const transcript: FileTranscript = {
        ...{ jobId, status: 'completed', language: 'en', duration_seconds: 0, model: 'imported', text },
        ...{ segments: [], gaps: [], coverage: [], chunks: [] },
      };
      await this.object(fileTranscriptKey(place), JSON.stringify(transcript), 'application/json');
    }
    const row = JobRow.parse({
      ...{ job_id: jobId, version: 1, user_id: this.userId, status: text === undefined ? 'failed' : 'completed' },
      ...{ filename: filename.split(/[/\\]/).at(-1), content_type: 'application/octet-stream', size_bytes: 0 },
      ...{ object_key: sourceKey(place, 'bin'), priority: 'normal', created_at_ms: at, completed_at_ms: at },
      ...(text === undefined ? { progress: 0, stage: 'Imported', error } : { progress: 100, stage: 'Complete' }),
      ...{ round: 0, moved_at_ms: at, moved_to: 'imported', resumes: 0 },
    });
    return this.put('JobsTable', row, 'job_id');
  }

  private put(table: string, Item: Record<string, unknown>, key: string): Promise<boolean> {
    return this.isNew(
      this.dynamo.send(
        new PutCommand({ TableName: this.outputs[table], Item, ConditionExpression: `attribute_not_exists(${key})` }),
      ),
    );
  }

  private async object(Key: string, Body: string | Buffer, ContentType: string): Promise<boolean> {
    const Bucket = this.outputs['BucketName'];
    return this.isNew(this.s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType, IfNoneMatch: '*' })));
  }

  /** Awaits a conditional write; false if the row or object existed. */
  private async isNew(write: Promise<unknown>): Promise<boolean> {
    try {
      await write;
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412) return false;
      throw error;
    }
  }
}
