/** The batch on the local host: it finds, transcribes and reports missing chunks, yields to recorders, and runs once at a time. */

import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import type * as z from 'zod';
import { BatchRun, BatchRunDetails } from '../../core/contracts/answers.ts';
import { chunkTranscriptKey, transcriptKey } from '../../core/contracts/keys.ts';
import type { BatchReport } from '../../core/contracts/report.ts';
import { readMails } from '../../host/mails.ts';
import { poll } from '../../host/poll.ts';
import { abort, clearFaults, injectFaults, runningExecution } from './faults.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import {
  admin,
  allStopped,
  atRest,
  chunkRows,
  host,
  instanceIds,
  invoke,
  keysBelow,
  output,
  readObject,
  s3,
  sampleChunks,
  uniqueCopy,
  userA,
  userB,
  workerPid,
} from './support.ts';

const Bucket = output('BucketName');
const [chunk] = sampleChunks(10);
if (chunk === undefined) throw new Error('the sample is too short');
const audio = chunk;

afterEach(async () => {
  clearFaults();
  for (const user of [userA, userB]) await user.call('POST', '/api/batch/unlock', {});
  await atRest();
  await checkInvariants();
});

type Run = z.infer<typeof BatchRunDetails>;
const begin = async (body: object = {}) => BatchRun.parse(await (await admin.call('POST', '/api/batch/runs', body)).json());
/** Invokes the runner like EventBridge Scheduler, each time with a new scheduled time. */
let slots = Date.now();
async function fire(times = 1): Promise<string> {
  slots += 7_200_000;
  const scheduledTime = `${new Date(slots).toISOString().slice(0, 16)}:00Z`;
  const Payload = Buffer.from(JSON.stringify({ start: 'scheduled', scheduledTime }));
  const lambda = new LambdaClient();
  const call = () => lambda.send(new InvokeCommand({ FunctionName: output('BatchRunnerName'), Payload }));
  for (const { FunctionError } of await Promise.all(Array.from({ length: times }, call))) expect(FunctionError).toBeUndefined();
  return `batch-${scheduledTime.slice(0, 16).replace('T', '-').replace(':', '')}`;
}
const look = async (id: string): Promise<Run> =>
  BatchRunDetails.parse(await (await admin.call('GET', `/api/batch/runs/${id}`)).json());
/** Invokes the runner as its one-minute schedule does. */
async function tick(): Promise<void> {
  await invoke('BatchRunnerName');
}
const finished = (id: string, seconds = 150): Promise<Run & { report?: BatchReport }> =>
  poll(
    `the end of ${id}`,
    seconds,
    async () => {
      await tick();
      const run = await look(id);
      return run.state === 'finished' ? run : undefined;
    },
    1000,
  );
const launches = async () => {
  const { Reservations = [] } = await new EC2Client().send(new DescribeInstancesCommand({ InstanceIds: instanceIds }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ LaunchTime }) => LaunchTime?.getTime()));
};

/** Number of StartInstances calls so far. */
const startCalls = (): number =>
  readFileSync(join(host.root, 'logs', 'emulator.log'), 'utf8').split('ec2 StartInstances').length - 1;

/** Creates completed sessions whose chunks are stored but not transcribed. */
async function stored(count: number, chunks = 1): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const { id } = await userA.createSession({ live: false });
    for (let i = 1; i <= chunks; i += 1) await userA.upload(id, i, uniqueCopy(audio));
    await userA.complete(id, chunks);
    ids.push(id);
  }
  return ids;
}

test('deleted results are restored unchanged in one reported run, which also transcribes chunks whose event was lost or that an older recorder left [batch.finds]', async () => {
  const { id, userId } = await userA.createSession().then(async (session) => ({
    id: session.id,
    userId: ((await (await userA.call('GET', `/api/sessions/${session.id}`)).json()) as { userId: string }).userId,
  }));
  for (const [i, piece] of sampleChunks(20).slice(0, 5).entries()) await userA.upload(id, i + 1, piece);
  await userA.complete(id, 5);
  const before = await userA.awaitTranscript(id, 170);
  const lost = chunkTranscriptKey({ userId, sessionId: id, chunkNumber: 5 });
  const broken = chunkTranscriptKey({ userId, sessionId: id, chunkNumber: 2 });
  const results = await poll('both files', 10, async () =>
    Promise.all([readObject(lost), readObject(broken)]).catch(() => undefined),
  );
  await atRest();

  const silent = await userA.createSession({ live: false });
  const old = `users/${userId}/phone/2024/my-session_older-${Date.now()}/`;
  injectFaults({
    events: [silent.id, old].map((about) => ({ detail_type: 'Object Created', do: 'drop' as const, times: 1, about })),
  });
  await userA.upload(silent.id, 1, uniqueCopy(audio));
  await s3.send(new PutObjectCommand({ Bucket, Key: `${old}chunk-1.webm`, Body: uniqueCopy(audio).bytes }));
  clearFaults();
  // A record of the stream that is delivered again writes the files again; then they are removed once more.
  const dry = await poll('a scan without both results', 120, async () => {
    await s3.send(new DeleteObjectCommand({ Bucket, Key: lost }));
    await s3.send(new PutObjectCommand({ Bucket, Key: broken, Body: '{"sessionId":' }));
    const run = await finished((await begin({ dryRun: true })).id);
    return run.scan?.resultsReset === 2 ? run : undefined;
  });
  appendFileSync(REPLACED, `${id}#5\n${id}#2\n`);
  expect(dry.scan).toMatchObject({ totalMissingChunks: 4, chunksFound: 2, resultsReset: 2 });
  expect((await chunkRows(id)).every(({ state }) => state === 'done')).toBe(true);

  await userA.call('PUT', '/api/notifications', { sessionCompleted: true });
  const launchesBefore = await launches();
  const run = await begin();
  expect((await begin()).id).toBe(run.id);
  const { report, scan } = await finished(run.id);
  // Not the number of calls: a call is repeated if what follows it meets a conflict.
  const launchesAfter = await launches();
  expect(launchesAfter.filter((at, machine) => at !== launchesBefore[machine])).toHaveLength(1);
  expect(scan).toMatchObject({ totalMissingChunks: 4, chunksFound: 2, resultsReset: 2, full: true });
  expect(report).toMatchObject({
    status: 'success',
    skipped: false,
    lockStatus: { locked: false },
    gpu: { wasRunning: false, weStartedIt: true, startTime: expect.any(String), stopTime: expect.any(String) },
    transcription: { chunksTranscribed: 4, chunksFailed: 0 },
  });
  expect(report?.gpu.costUSD).toBeGreaterThan(0);
  expect(report?.performance.transcribeDurationSeconds).toBeGreaterThan(0);
  expect(JSON.parse(await readObject(`batch-reports/${run.id}.json`))).toEqual(report);
  expect((await keysBelow('batch-reports/')).includes('batch-reports/pending-jobs.json')).toBe(true);
  expect(
    await poll('the files', 20, async () => Promise.all([readObject(lost), readObject(broken)]).catch(() => undefined)),
  ).toEqual(results);
  await userA.call('PUT', '/api/notifications', { sessionCompleted: false });
  const mails = await readMails(host);
  expect(mails).toContain('a@example.com');
  expect(mails.split(id)).toHaveLength(2);
  const after = await userA.transcript(id);
  expect(after).toEqual(before);
  const older = old.slice(old.indexOf('session_'), -1);
  expect((await chunkRows(older)).map(({ state, raw_text }) => [state, raw_text !== ''])).toEqual([['done', true]]);
  await userA.complete(silent.id, 1);
  await userA.awaitTranscript(silent.id, 60);
  await userA.complete(older, 1);
  await userA.awaitTranscript(older, 60);
  expect(await keysBelow(`users/${userId}/sessions/${older}/`)).toContain(transcriptKey({ userId, sessionId: older }));
});

test('without missing chunks, or while a recorder holds the lock, no machine is started and the run is reported as skipped [batch.skipped]', async () => {
  const before = [await launches(), startCalls()];
  const idle = await finished(await fire());
  expect(idle.report).toMatchObject({
    status: 'skipped',
    skipped: true,
    scan: { totalMissingChunks: 0 },
    gpu: { runtimeSeconds: 0 },
  });
  const [id = ''] = await stored(1);
  await userB.call('POST', '/api/batch/lock', { sessionId: 'session_somewhere-else' });
  const held = await finished(await fire());
  expect(held.report).toMatchObject({ status: 'skipped', lockStatus: { locked: true } });
  await expect(begin()).rejects.toMatchObject({ status: 409, code: 'session-active' });
  expect((await finished((await begin({ dryRun: true })).id)).scan).toMatchObject({ totalMissingChunks: 1 });
  expect([await launches(), startCalls()]).toEqual(before);
  expect(await allStopped()).toBe(true);
  expect((await chunkRows(id)).map(({ state, attempts }) => [state, attempts])).toEqual([['pending', 0]]);
  const { Datapoints = [] } = await new CloudWatchClient().send(
    new GetMetricStatisticsCommand({
      Namespace: 'Chunkscribe',
      MetricName: 'BatchSucceeded',
      Dimensions: [{ Name: 'Stage', Value: 'local' }],
      StartTime: new Date(Date.now() - 600_000),
      EndTime: new Date(Date.now() + 60_000),
      Period: 60,
      Statistics: ['Sum'],
    }),
  );
  expect(Datapoints.length).toBeGreaterThan(0);
  await userA.call('DELETE', `/api/sessions/${id}`);
});

test('a recording during a batch pauses the backlog until it ends; a schedule that fires twice starts one run [batch.once]', async () => {
  const ids = await stored(3, 6);
  const id = await fire(2);
  const rows = async () => (await Promise.all(ids.map(chunkRows))).flat();
  await poll('the first results', 90, async () => (await rows()).some(({ state }) => state === 'done'), 100);
  await userB.call('POST', '/api/batch/lock', { sessionId: 'session_live' });
  const lockedMs = Date.now();
  await poll('the pause', 60, allStopped, 500);
  const waiting = (await rows()).filter(({ state }) => state === 'pending');
  expect(waiting.length).toBeGreaterThan(0);
  await tick();
  expect(await allStopped()).toBe(true);
  const unlockedMs = Date.now();
  await userB.call('POST', '/api/batch/unlock', { sessionId: 'session_live' });
  const { report } = await finished(id, 170);
  expect(report).toMatchObject({ status: 'success', transcription: { chunksTranscribed: 18 } });
  const claims = (await rows()).map(({ claimed_at_ms }) => claimed_at_ms ?? 0);
  expect(claims.filter((ms) => ms > lockedMs + 100 && ms < unlockedMs)).toEqual([]);
  expect((await rows()).every(({ attempts }) => attempts === 1)).toBe(true);
  for (const session of ids) expect((await userA.awaitTranscript(session, 30)).status).toBe('completed');
});

test.each([
  ['the GPU run is aborted', async (): Promise<unknown> => abort(await poll('the run', 10, runningExecution))],
  ['the worker is killed', async (): Promise<unknown> => process.kill(await workerPid(), 'SIGKILL')],
] as const)(
  'if during a batch %s, the machine stops, no chunk is lost or transcribed twice, and the batch succeeds [batch.once]',
  async (_what, strike) => {
    const ids = await stored(2, 6);
    const id = await fire();
    await poll(
      'the first results',
      90,
      async () => (await chunkRows(ids[0] ?? '')).concat(await chunkRows(ids[1] ?? '')).some(({ state }) => state === 'done'),
      100,
    );
    await strike();
    await poll('the stopped machine', 180, allStopped);
    const { report } = await finished(id, 170);
    expect(report).toMatchObject({ status: 'success', transcription: { chunksTranscribed: 12, chunksFailed: 0 } });
  },
);
