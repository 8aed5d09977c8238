/** What the local host has answered survives kill -9 of its emulator, and a full disk. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, expect, test } from 'vitest';
import { deploy } from '../../host/deploy.ts';
import { folders } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { clearFaults, injectFaults } from './faults.ts';
import { checkInvariants } from './invariants.ts';
import { atRest, host, output, reap, s3, sampleChunks, uniqueCopy, userA } from './support.ts';

const SESSIONS = 20;

const [chunk] = sampleChunks(10);
if (chunk === undefined) throw new Error('the sample is too short');
const audio = chunk;

afterEach(clearFaults);
afterAll(async () => {
  await atRest();
  await checkInvariants();
});

/** Undefined while the emulator does not run. */
function emulatorPid(): number | undefined {
  const note = join(host.root, 'run', 'emulator.json');
  return existsSync(note) ? JSON.parse(readFileSync(note, 'utf8')).pid : undefined;
}
const isUp = () =>
  fetch(`${host.apiUrl}/api/health`).then(
    ({ ok }) => ok,
    () => false,
  );

test('rows and objects that were answered survive kill -9 of the emulator, which is started again, and work goes on [host.durable]', async () => {
  const stored: { readonly id: string; readonly key: string }[] = [];
  for (let n = 0; n < SESSIONS; n += 1) {
    const { id } = await userA.createSession();
    const { key } = await userA.presign(id, 1, audio);
    expect((await userA.upload(id, 1, uniqueCopy(audio))).status).toBe(200);
    stored.push({ id, key });
  }
  const before = emulatorPid();
  process.kill(before ?? 0, 'SIGKILL');
  await poll('another emulator', 30, async () => ![before, undefined].includes(emulatorPid()) && (await isUp()));
  for (const { id, key } of stored) {
    expect((await userA.session(id)).id).toBe(id);
    await s3.send(new HeadObjectCommand({ Bucket: output('BucketName'), Key: key }));
  }
  for (const { id } of stored) await userA.complete(id, 1);
  for (const { id } of stored) expect(await userA.awaitTranscript(id, 170)).toMatchObject({ status: 'completed', gaps: [] });
});

test('a function that the emulator has lost is deployed again at the next start [host.durable]', async () => {
  const lambda = new LambdaClient({ endpoint: host.endpoint });
  await lambda.send(new DeleteFunctionCommand({ FunctionName: output('ReaperName') }));
  expect(await deploy(folders(host.root), host.endpoint)).toMatchObject({ changed: true, outputs: host.outputs });
  await reap();
  expect(await deploy(folders(host.root), host.endpoint)).toMatchObject({ changed: false });
});

test('uploads are refused while the disk is almost full, and accepted again afterwards [host.durable]', async () => {
  const { id } = await userA.createSession();
  injectFaults({ free_bytes: 1_000_000 });
  expect((await userA.upload(id, 1, uniqueCopy(audio))).status).toBe(503);
  clearFaults();
  expect((await userA.upload(id, 1, uniqueCopy(audio))).status).toBe(200);
  await userA.complete(id, 1);
  expect(await userA.awaitTranscript(id, 90)).toMatchObject({ status: 'completed', gaps: [] });
});
