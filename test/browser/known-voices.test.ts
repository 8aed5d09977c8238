/** Known voices on the pages and with the command line. The voices are put into the results: the protocol model has none. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { chunkRows, host, output, readObject, sampleChunks, uniqueCopy } from '../host/support.ts';
import { violations } from './accessible.ts';
import { browser, newUser, waitUntilComplete } from './support.ts';

const VOICES = [
  [127, 0],
  [0, 127],
].map((vector) => ({ voice: Buffer.from(vector).toString('base64'), seconds: 12, model: 'ge2e' }));

/** A recording whose second half another voice speaks. */
async function conversation(token: string): Promise<string> {
  const client = recordingClient(host.apiUrl, token);
  const { id } = await client.createSession({ diarize: true });
  const [chunk] = sampleChunks();
  if (chunk === undefined) throw new Error('the sample is too short');
  await client.upload(id, 1, uniqueCopy(chunk));
  await poll('the chunk', 120, async () => (await chunkRows(id)).some(({ state }) => state === 'done'));
  const [{ result_key: key = '' } = {}] = await chunkRows(id);
  const result = ChunkTranscript.parse(JSON.parse(await readObject(key)));
  const segments = result.segments.map((segment) => ({
    ...segment,
    words: segment.words.map((word) => ({ ...word, speaker: word.start < result.duration_seconds / 2 ? 0 : 1 })),
  }));
  const Body = JSON.stringify({ ...result, segments, speakers: VOICES });
  await new S3Client({ forcePathStyle: true }).send(new PutObjectCommand({ Bucket: output('BucketName'), Key: key, Body }));
  await client.complete(id, 1);
  await client.awaitTranscript(id, 120);
  return id;
}

function chunkscribe(token: string, ...args: string[]): unknown {
  const env = { ...process.env, CHUNKSCRIBE_API: host.apiUrl, CHUNKSCRIBE_TOKEN: token };
  const command = ['--disable-warning=ExperimentalWarning', join('cli', 'main.ts'), '--json', ...args];
  const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: PROJECT, encoding: 'utf8', env });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

async function openSpeaker(page: Page, id: string, speaker: string): Promise<void> {
  await page.goto(`${host.pagesUrl}/#/sessions/${id}`);
  await waitUntilComplete(page);
  await page.getByRole('button', { name: speaker, exact: true }).first().click();
}

test('a remembered voice is suggested in a later recording, applied by a click, and deleted on the page Words [speakers.known]', async () => {
  const { page, token } = await newUser(await (await browser()).newContext());
  const [first, later] = [await conversation(token), await conversation(token)];

  await openSpeaker(page, first, 'S2');
  await page.getByRole('combobox', { name: /^Name/ }).fill('Ana');
  await page.getByLabel('Remember this voice').check();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Ana', exact: true }).first().waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(chunkscribe(token, 'voices', 'suggest', later)).toMatchObject({ suggestions: [{ speaker: 'S2', name: 'Ana' }] });

  await openSpeaker(page, later, 'S2');
  await page.getByText('Sounds like Ana.').waitFor();
  expect(await page.getByRole('button', { name: 'Ana', exact: true }).count()).toBe(0);
  await page.getByRole('button', { name: 'Use this name' }).click();
  await page.getByRole('button', { name: 'Ana', exact: true }).first().waitFor();
  expect(chunkscribe(token, 'voices', 'save', later, 'Ana')).toMatchObject({ name: 'Ana' });
  expect(chunkscribe(token, 'voices', 'list')).toMatchObject({ voices: [{ name: 'Ana' }] });

  await page.goto(`${host.pagesUrl}/#/words`);
  await page.getByRole('button', { name: 'Delete the voice of Ana' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('No voice is saved.').waitFor();
  expect(await violations(page)).toEqual([]);
  expect(chunkscribe(token, 'voices', 'list')).toEqual({ voices: [] });
});
