/** What happens to a recording during a day: pauses, lost and changed microphones, a muted one, a second channel, and going on. */
import type { BrowserContext } from 'playwright-core';
import { expect, test } from 'vitest';
import { Notes } from '../../core/contracts/notes.ts';
import { expectTimesOfPlayer, onlySession } from './player-times.ts';
import { browser, expectError, newUser, record, recorded, stop, waitUntilComplete } from './support.ts';

/**
 * Puts a control between the fake microphone, which speaks on, and the page: its signal can be cut, and it can be disconnected.
 */
const controlMicrophones = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(() => {
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    const opened: { gain: GainNode; track: MediaStreamTrack }[] = [];
    const audio = new AudioContext();
    const source = async (constraints: MediaStreamConstraints | undefined) => {
      const stream = await open(constraints);
      return audio.createMediaStreamSource(stream);
    };
    let microphone: ReturnType<typeof source> | undefined;
    mediaDevices.getUserMedia = async (constraints) => {
      microphone ??= source(constraints);
      const speaking = await microphone;
      const gain = new GainNode(audio);
      const out = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
      speaking.connect(gain).connect(out);
      const [track] = out.stream.getAudioTracks();
      if (track !== undefined) opened.push({ gain, track });
      return out.stream;
    };
    Object.assign(window, {
      setSignal: (value: number) => opened.at(-1)?.gain.gain.setValueAtTime(value, 0),
      disconnect() {
        opened.at(-1)?.track.stop();
        opened.at(-1)?.track.dispatchEvent(new Event('ended'));
      },
    });
  });

test.concurrent('20 pauses: the times of the transcript are those of the player, and nothing is lost [pages.day]', async () => {
  const context = await (await browser()).newContext();
  await controlMicrophones(context);
  const { page, token } = await newUser(context);
  await record(page);
  for (let pauses = 1; pauses <= 20; pauses++) {
    await recorded(page, pauses);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused.').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText(/^Recording\. /).waitFor();
  }
  const timer = page.getByRole('timer');
  await recorded(page, 22);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused.').waitFor();
  const shown = Number((await timer.textContent())?.split(':').at(-1));
  await stop(page);
  await waitUntilComplete(page);
  const { chunks, duration_seconds, status } = await expectTimesOfPlayer(page, await onlySession(token));
  expect(chunks).toHaveLength(21);
  expect(status).toBe('completed');
  expect(Math.abs(duration_seconds - shown)).toBeLessThan(1.5); // the timer shows whole seconds
});

test.concurrent('a microphone is lost, changed and muted: the recording continues, and the session says what happened when [pages.day]', async () => {
  const context = await (await browser()).newContext();
  await controlMicrophones(context);
  const { page, token } = await newUser(context);
  await page.getByLabel('Title').fill('Before');
  await page.getByText('Words to expect').click();
  await page.getByLabel('Names and rare words').fill('juliet');
  await page.getByRole('button', { name: 'Use for all my recordings' }).click();
  await record(page);
  await recorded(page, 6);
  await page.getByLabel('Title').fill('While recording');
  await page.getByLabel('New note').fill('Decision: we go');
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.evaluate('disconnect()');
  await page.getByText('The microphone was disconnected. It continues').waitFor();
  await recorded(page, 12);
  await page.getByLabel('Microphone').selectOption({ index: 1 });
  await recorded(page, 16);
  await page.evaluate('setSignal(0)');
  await page.getByText(/^No signal since 0:1[5-9]/).waitFor();
  await page.evaluate('setSignal(1)');
  await page.getByText(/^No signal since/).waitFor({ state: 'detached' });
  await stop(page);
  await waitUntilComplete(page);
  await page.getByRole('heading', { name: 'While recording' }).waitFor();
  await page.getByText('Decision: we go').waitFor();

  const { client, session } = await onlySession(token);
  expect(session).toMatchObject({ title: 'While recording', hotwords: 'juliet' });
  const { chunks, no_signal } = await expectTimesOfPlayer(page, { client, session });
  expect(chunks).toHaveLength(3);
  expect(no_signal).toHaveLength(1);
  await page.getByText(/^No signal from 0:1[5-9] to 0:[23]/).waitFor();
  const { notes } = Notes.parse(await (await client.call('GET', `/api/sessions/${session.id}/notes`)).json());
  expect(notes.map(({ kind, chunkNumber }) => [kind, chunkNumber])).toEqual([
    ['note', 1],
    ['interruption', 1],
  ]);
  expect(notes[1]?.text).toMatch(/^The microphone was disconnected\. It continues with .+, \d+ s later\.$/);
  expect(notes[1]?.at).toBeGreaterThan(5);
  expect(notes[1]?.at).toBeLessThanOrEqual(chunks[0]?.end ?? 0);

  // Later, the recording goes on.
  await page.getByRole('link', { name: 'Go on recording' }).click();
  await page.getByText('Press Record to go on with').waitFor();
  await record(page);
  await recorded(page, 5);
  await stop(page);
  await page.getByText('Decision: we go').waitFor();
  await waitUntilComplete(page);
  expect((await client.awaitTranscript(session.id, 60)).chunks.map(({ chunkNumber }) => chunkNumber)).toEqual([1, 2, 3, 4]);
});

test.concurrent('the sound of the computer is a second channel, whose words have a speaker of their own, who can be named [pages.day, speakers.names]', async () => {
  // Chromium says so whenever a page shares a screen, although no camera is opened.
  expectError(/Permissions policy violation: camera is not allowed/);
  const context = await (await browser()).newContext();
  const { page, token } = await newUser(context);
  await page.getByLabel('Also record the sound of this computer').check();
  await record(page);
  await recorded(page, 12);
  await stop(page);
  await waitUntilComplete(page);
  const { segments } = await expectTimesOfPlayer(page, await onlySession(token));
  expect(new Set(segments.map(({ speaker }) => speaker))).toEqual(new Set(['S1', 'S2']));

  // The speakers get names.
  await page.getByRole('button', { name: 'S2', exact: true }).first().click();
  await page.getByRole('combobox', { name: /^Name/ }).fill('The caller');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'The caller', exact: true }).first().waitFor();
  expect(await page.getByRole('button', { name: 'S2', exact: true }).count()).toBe(0);
});
