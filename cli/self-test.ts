/**
 * Tests the batch on a real chunk: deletes its canonical result, runs a batch, and checks that the run restores the same text.
 *
 * Gotchas: the result is written back even if the test fails. Only texts are compared, because word times may differ on a GPU.
 */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { ChunkTranscript } from '../core/contracts/transcript.ts';
import { awaitRun } from './batch.ts';
import { CliError, localHost } from './connection.ts';
import { list, print, progress } from './output.ts';

/** The canonical results in a stage's bucket. */
export function resultsIn(s3: S3Client, Bucket: string) {
  return {
    /** Key of the newest canonical result. */
    async newestTranscript(): Promise<string | undefined> {
      let newest: { key: string; ms: number } | undefined;
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: 'users/' }))
        for (const { Key: key = '', LastModified } of Contents) {
          const ms = LastModified?.getTime() ?? 0;
          if (/\/transcription-chunk-\d+\.json$/.test(key) && ms > (newest?.ms ?? 0)) newest = { key, ms };
        }
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

/** The results of the local host, or of the stage that the environment names; on AWS with the environment's credentials. */
function environmentResults(): ReturnType<typeof resultsIn> {
  const host = localHost();
  if (host !== undefined) {
    const { endpoint, credentials } = host;
    return resultsIn(new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials }), host.bucketName);
  }
  const Bucket = process.env['CHUNKSCRIBE_BUCKET'];
  if (Bucket === undefined) throw new CliError('CHUNKSCRIBE_BUCKET must name the bucket of the stage (output BucketName)');
  return resultsIn(new S3Client({ forcePathStyle: process.env['AWS_ENDPOINT_URL'] !== undefined }), Bucket);
}

/** The text to compare; word times may differ in the last digit between runs on a GPU. */
const textOf = (json: string | undefined): string | undefined =>
  json === undefined ? undefined : ChunkTranscript.parse(JSON.parse(json)).text;

/** Runs the test. `onStep` receives a line before the slow step. @throws CliError if nothing was transcribed yet */
export async function selfTest(
  api: ApiClient,
  results: ReturnType<typeof resultsIn>,
  { onStep, isJson }: { readonly onStep: (line: string) => void; readonly isJson: boolean },
) {
  const key = await results.newestTranscript();
  const before = key === undefined ? undefined : await results.read(key);
  if (key === undefined || before === undefined)
    throw new CliError('nothing has been transcribed yet; send a recording first (local host: npm run demo)');
  onStep(`deleting ${key}`);
  try {
    await results.remove(key);
    const { id } = await api('POST /api/batch/runs', { body: {} });
    const { report } = await awaitRun(api, id, isJson);
    const after = await results.read(key);
    const equal = textOf(after) === textOf(before);
    const counted = (report?.transcription.chunksTranscribed ?? 0) >= 1;
    return { passed: equal && counted, key, run: id, back: after !== undefined, equal, counted, status: report?.status };
  } finally {
    if ((await results.read(key)) === undefined) await results.write(key, before);
  }
}

/** Adds the command to the program. */
export function selfTestCommand(program: Command, api: ApiClient, isJson: () => boolean): void {
  program
    .command('self-test')
    .description('delete one result, run a batch, and check that it is restored unchanged; restores it in any case')
    .action(async () => {
      const bar = progress(isJson());
      try {
        const result = await selfTest(api, environmentResults(), { onStep: bar.update, isJson: isJson() });
        print(isJson(), result, ({ passed, ...more }) => `${list(more)}\n\nself-test ${passed ? 'passed' : 'FAILED'}`);
        if (!result.passed) process.exitCode = 1;
      } finally {
        bar.done();
      }
    });
}
