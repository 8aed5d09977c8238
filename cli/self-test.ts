/**
 * Tests the batch on a real chunk: deletes its canonical result, runs a batch, and checks that the run restores the same text.
 *
 * Gotchas: the result is written back even if the test fails. Only texts are compared, because word times may differ on a GPU.
 */
import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { ChunkTranscript } from '../core/contracts/transcript.ts';
import { awaitRun } from './batch.ts';
import { CliError, localHost } from './connection.ts';
import { list, print, progress } from './output.ts';

/** Access to the stage's bucket; on AWS with the environment's credentials. */
async function bucket() {
  const { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client } = await import(
    '@aws-sdk/client-s3'
  );
  const host = localHost();
  const Bucket = host?.bucketName ?? process.env['CHUNKSCRIBE_BUCKET'];
  if (Bucket === undefined) throw new CliError('CHUNKSCRIBE_BUCKET must name the bucket of the stage (output BucketName)');
  const s3 = new S3Client(
    host === undefined
      ? { forcePathStyle: process.env['AWS_ENDPOINT_URL'] !== undefined }
      : {
          endpoint: host.endpoint,
          region: 'us-east-1',
          forcePathStyle: true,
          credentials: host.credentials,
        },
  );
  return {
    /** Key of the newest canonical result. */
    async newestTranscript(): Promise<string | undefined> {
      let newest: { key: string; ms: number } | undefined;
      let token: string | undefined;
      do {
        const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'users/', ContinuationToken: token }));
        for (const { Key: key = '', LastModified } of page.Contents ?? []) {
          const ms = LastModified?.getTime() ?? 0;
          if (/\/transcription-chunk-\d+\.json$/.test(key) && ms > (newest?.ms ?? 0)) newest = { key, ms };
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return newest?.key;
    },
    async read(Key: string): Promise<string | undefined> {
      try {
        return await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    write: (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' })),
    remove: (Key: string) => s3.send(new DeleteObjectCommand({ Bucket, Key })),
  };
}

/** The text to compare; word times may differ in the last digit between runs on a GPU. */
const textOf = (json: string | undefined): string | undefined =>
  json === undefined ? undefined : ChunkTranscript.parse(JSON.parse(json)).text;

/** Adds the command to the program. */
export function selfTestCommand(program: Command, api: ApiClient, isJson: () => boolean): void {
  program
    .command('self-test')
    .description('delete one result, run a batch, and check that it is restored unchanged; restores it in any case')
    .action(async () => {
      const objects = await bucket();
      const key = await objects.newestTranscript();
      const before = key === undefined ? undefined : await objects.read(key);
      if (key === undefined || before === undefined)
        throw new CliError('nothing has been transcribed yet; send a recording first (local host: npm run demo)');
      const bar = progress(isJson());
      bar.update(`deleting ${key}`);
      try {
        await objects.remove(key);
        const { id } = await api('POST /api/batch/runs', { body: {} });
        const { report } = await awaitRun(api, id, isJson());
        const after = await objects.read(key);
        const isEqual = textOf(after) === textOf(before);
        const isCounted = (report?.transcription.chunksTranscribed ?? 0) >= 1;
        const result = { key, run: id, back: after !== undefined, equal: isEqual, counted: isCounted, status: report?.status };
        print(
          isJson(),
          { passed: isEqual && isCounted, ...result },
          ({ passed, ...more }) => `${list(more)}\n\nself-test ${passed ? 'passed' : 'FAILED'}`,
        );
        if (!(isEqual && isCounted)) process.exitCode = 1;
      } finally {
        bar.done();
        if ((await objects.read(key)) === undefined) await objects.write(key, before);
      }
    });
}
