/** Retranscription of recordings and files with the real template, functions and worker. */
import { execFile } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { Retranscribed, SessionDetails } from '../../core/contracts/answers.ts';
import { Transcript } from '../../core/contracts/transcript.ts';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';
import { fileClient, sampleFile } from './file-client.ts';
import { checkInvariants, REPLACED } from './invariants.ts';
import { atRest, chunkRows, host, sampleChunks, userA } from './support.ts';

const files = fileClient(userA);

afterAll(async () => {
  await atRest();
  await checkInvariants();
});

/** Tells the invariants that these rows are transcribed and billed twice. */
const paidTwice = (id: string, numbers: readonly number[]): void =>
  appendFileSync(REPLACED, numbers.map((n) => `${id}#${n}\n`).join(''));

const sessionOf = async (id: string) => SessionDetails.parse(await (await userA.call('GET', `/api/sessions/${id}`)).json());
const textOf = async (id: string): Promise<string> =>
  Transcript.parse(await (await userA.call('GET', `/api/sessions/${id}/transcript`)).json()).text;

test('a retranscribed session keeps its edits, and its old text until the new one is complete [retranscribe.sessions]', async () => {
  const { id } = await userA.createSession();
  const chunks = sampleChunks(10).slice(0, 3);
  for (const [i, chunk] of chunks.entries()) await userA.upload(id, i + 1, chunk);
  await userA.complete(id, 3);
  const before = await userA.awaitTranscript(id, 120);
  await userA.call('PUT', `/api/sessions/${id}/transcript/edits`, {
    version: 0,
    edits: [{ start: 0, end: 1, text: 'edited by hand' }],
  });
  const edited = await poll('the edit', 60, async () => {
    const text = await textOf(id);
    return text.includes('edited by hand') ? text : undefined;
  });
  const path = `/api/sessions/${id}/retranscribe`;
  const refused = await userA.call('POST', path, { language: 'de' }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: 422 });

  const answers = await Promise.all([1, 2].map(() => userA.call('POST', path, { language: 'english' })));
  for (const answer of answers) {
    expect(answer.status).toBe(202);
    expect(Retranscribed.parse(await answer.json())).toMatchObject({ id, language: 'en' });
  }
  paidTwice(id, [1, 2, 3]);
  const seen = new Set<string>();
  await poll('the new text', 120, async () => {
    const session = await sessionOf(id);
    seen.add(await textOf(id));
    return !session.retranscribing;
  });
  await poll('the new transcript', 60, async () => (await chunkRows(id)).every((row) => row.state === 'done' && row.fence === 2));
  expect([...seen]).toContain(edited);
  const text = await poll('the end', 60, async () => {
    const now = await textOf(id);
    return now.includes('edited by hand') ? now : undefined;
  });
  expect(text).toContain('edited by hand');
  expect(before.text.split(' ').at(-1)).toBe(text.split(' ').at(-1));
  expect(await sessionOf(id)).toMatchObject({ language: 'en', retranscription: { chunks: 3, done: 3, failed: 0 } });
  // The invariants compare the transcript with the rows' texts.
  await userA.call('PUT', `/api/sessions/${id}/transcript/edits`, { version: 1, edits: [] });
  await poll('the text without edits', 60, async () => !(await textOf(id)).includes('edited by hand'));
});

/** Runs the command line until it exits. */
function chunkscribe(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const stage = { CHUNKSCRIBE_API: host.apiUrl, CHUNKSCRIBE_TOKEN: host.tokens.a };
  const options = { cwd: PROJECT, env: { ...process.env, ...stage } };
  return promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', 'cli/main.ts', ...args], options);
}

test('a file is retranscribed from the command line; the job stays completed with its old text until the new one is available [retranscribe.files]', async () => {
  const id = await files.send(readFileSync(sampleFile(60, 'mp3')));
  const [last] = (await files.follow(id, 120)).slice(-1);
  const old = last?.content ?? '';
  expect(old).not.toBe('');
  await expect(chunkscribe('retranscribe', id, '--language', 'klingon')).rejects.toMatchObject({
    stderr: expect.stringContaining("argument 'klingon' is invalid. It takes a code such as de"),
  });
  const command = chunkscribe('retranscribe', id, '--language', 'English');
  await poll('the beginning', 60, async () => (await files.status(id)).retranscribing);
  paidTwice(id, [0, 1]);
  const seen: { status: string; content?: string | undefined }[] = [];
  const end = await poll('the new text', 120, async () => {
    const now = await files.status(id);
    seen.push(now);
    return now.retranscribing ? undefined : now;
  });
  expect(seen.length).toBeGreaterThan(1);
  for (const { status, content } of seen) expect([status, content]).toEqual(['completed', old]);
  expect(end).toMatchObject({ status: 'completed', language: 'en' });
  expect(end.retranscription).toBeUndefined();
  expect((await command).stdout).toBe(`${id} has been retranscribed\n`);
  expect((await chunkRows(id)).map(({ fence }) => fence >= 1000)).toEqual([true, true]);
});
