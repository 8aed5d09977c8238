/** Recordings whose microphones are changed, taken away and disconnected: nothing stands between the page and its devices. */
import type { BrowserContext, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Notes } from '../../core/contracts/notes.ts';
import { host } from '../host/support.ts';
import { expectTimesOfPlayer, onlySession } from './player-times.ts';
import { soundServer } from './sound-server.ts';
import { fakeMicrophones, launch, newPage, newUser, record, recorded, speech, stop, waitUntilComplete } from './support.ts';

/** The sample's first words, and then silence: a word that one fake microphone cuts would not go on in the next one. */
const SPEECH_SECONDS = 7;
const FIRST_WORDS = /fifty juliet/g;
const WAITING = 'The microphone was disconnected. The recording continues as soon as there is a microphone.';

const allowMicrophone = (context: BrowserContext): Promise<void> =>
  context.grantPermissions(['microphone'], { origin: new URL(host.pagesUrl).origin });

/** Stops the recording and waits for its text. Returns the session and the texts of its notes. */
async function stopAndRead(page: Page, token: string) {
  await stop(page);
  await waitUntilComplete(page);
  const recording = await onlySession(token);
  const { client, session } = recording;
  const { notes } = Notes.parse(await (await client.call('GET', `/api/sessions/${session.id}/notes`)).json());
  return { recording, notes: notes.map(({ text }) => text) };
}

test.concurrent('the user changes between the microphones of the browser twice: all of them are transcribed, at the times of the player [pages.day]', async () => {
  const context = await (await launch(fakeMicrophones(SPEECH_SECONDS))).newContext();
  await allowMicrophone(context);
  const { page, token } = await newUser(context);
  await record(page);
  await recorded(page, SPEECH_SECONDS);
  await page.getByLabel('Microphone').selectOption({ label: 'Fake Audio Input 1' });
  await recorded(page, 2 * SPEECH_SECONDS + 1);
  await page.getByLabel('Microphone').selectOption({ label: 'Fake Audio Input 2' });
  await recorded(page, 3 * SPEECH_SECONDS + 2);
  const { recording, notes } = await stopAndRead(page, token);
  const { chunks, text } = await expectTimesOfPlayer(page, recording);
  expect(chunks).toHaveLength(3);
  expect(text.match(FIRST_WORDS)).toHaveLength(3);
  expect(notes).toEqual([]);
});

test.concurrent('the browser takes the microphone away from the page: the recorder says so, waits, and continues when it is allowed again [pages.day, pages.microphone]', async () => {
  const context = await (await launch(fakeMicrophones(SPEECH_SECONDS))).newContext();
  await allowMicrophone(context);
  const { page, token } = await newUser(context);
  const timer = page.getByRole('timer');
  await record(page);
  await recorded(page, SPEECH_SECONDS);
  await context.clearPermissions(); // ends the track
  await page.getByText(WAITING).waitFor();
  const shown = await timer.textContent();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('The microphone is not allowed for this page.').waitFor();
  expect(await timer.textContent()).toBe(shown);
  await allowMicrophone(context);
  await page.getByText(/^Recording\. /).waitFor();
  await recorded(page, 2 * SPEECH_SECONDS + 1);
  const { recording, notes } = await stopAndRead(page, token);
  const { chunks, text } = await expectTimesOfPlayer(page, recording);
  expect(chunks).toHaveLength(2);
  expect(text.match(FIRST_WORDS)).toHaveLength(2);
  expect(notes).toEqual([expect.stringMatching(/^The microphone was disconnected\. It continues with Fake .+, \d+ s later\.$/)]);
});

test.concurrent('microphones are changed, disconnected one after the other, and connected again: the recording continues each time [pages.day]', async (test) => {
  const { variables, play, connect } = await soundServer(test);
  const disconnectDesk = connect('Desk');
  const disconnectHeadset = connect('Headset');
  play(speech());
  const context = await (await launch([], variables)).newContext();
  await allowMicrophone(context);
  const other = await newPage(context);
  /**
   * Makes the browser look for devices; it ends tracks and sends `devicechange` by itself then. Chromium looks when udev reports a
   * device, which these microphones do not have.
   */
  const look = (): Promise<number> =>
    other.evaluate(
      async () => (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'audioinput').length,
    );
  const { page, token } = await newUser(context);
  await record(page);
  await recorded(page, 5);
  await page.getByLabel('Microphone').selectOption({ label: 'Headset' });
  await recorded(page, 10);
  disconnectHeadset();
  await look();
  await page.getByText('The microphone was disconnected. It continues').waitFor();
  await recorded(page, 15);
  disconnectDesk();
  expect(await look()).toBe(0);
  await page.getByText(WAITING).waitFor();
  connect('Desk');
  await look();
  await page.getByText(/^Recording\. /).waitFor();
  await recorded(page, 20);
  const { recording, notes } = await stopAndRead(page, token);
  const { chunks, segments, status } = await recording.client.transcript(recording.session.id);
  expect(status).toBe('completed');
  expect(chunks).toHaveLength(4);
  for (const { start, end } of chunks)
    expect(
      segments.some((one) => one.start < end && one.end > start),
      `text from ${start} s`,
    ).toBe(true);
  const continued = expect.stringMatching(/^The microphone was disconnected\. It continues with Default, \d+ s later\.$/);
  expect(notes).toEqual([continued, continued]);
});
