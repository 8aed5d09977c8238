/** Compares the times of a recording's transcript with its audio as the browser plays it. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { SessionList } from '../../core/contracts/answers.ts';
import { recordingClient } from '../../host/recording-client.ts';
import { host } from '../host/support.ts';

const MAX_DIFFERENCE_SECONDS = 0.1;

/** The user's only session. */
export async function onlySession(token: string) {
  const client = recordingClient(host.apiUrl, token);
  const { sessions } = SessionList.parse(await (await client.call('GET', '/api/sessions')).json());
  const [session] = sessions;
  if (session === undefined || sessions.length > 1) throw new Error(`${sessions.length} sessions`);
  return { client, session };
}

/** The audio of each chunk as the browser decodes it: its length, and the peak of each tenth of a second. */
const decoded = (page: Page, urls: readonly string[]): Promise<{ seconds: number; peaks: number[] }[]> =>
  page.evaluate(async (all) => {
    const context = new OfflineAudioContext(1, 1, 16_000);
    const decode = async (url: string) => {
      const audio = await context.decodeAudioData(await (await fetch(url)).arrayBuffer());
      const peaks = new Array<number>(Math.ceil(10 * audio.duration)).fill(0);
      for (let channel = 0; channel < audio.numberOfChannels; channel++)
        for (const [i, sample] of audio.getChannelData(channel).entries()) {
          const tenth = Math.floor(i / 1600);
          peaks[tenth] = Math.max(peaks[tenth] ?? 0, Math.abs(sample));
        }
      return { seconds: audio.duration, peaks };
    };
    return Promise.all(all.map(decode));
  }, urls);

/** Compares the times of the transcript with what the player plays: the position and length of each chunk, and sound at each word. */
export async function expectTimesOfPlayer(page: Page, { client, session: { id } }: Awaited<ReturnType<typeof onlySession>>) {
  const transcript = await client.transcript(id);
  const audio = (await (await client.call('GET', `/api/sessions/${id}/audio`)).json()) as {
    chunks: { start: number; end: number; url: string }[];
  };
  const sounds = await decoded(
    page,
    audio.chunks.map(({ url }) => url),
  );
  expect(sounds).toHaveLength(transcript.chunks.length);
  for (const [i, { start, end }] of transcript.chunks.entries()) {
    expect(Math.abs((audio.chunks[i]?.start ?? -1) - start), `start of chunk ${i + 1}`).toBeLessThan(MAX_DIFFERENCE_SECONDS);
    expect(Math.abs((sounds[i]?.seconds ?? 0) - (end - start)), `length of chunk ${i + 1}`).toBeLessThan(MAX_DIFFERENCE_SECONDS);
  }
  const words = transcript.segments.flatMap((segment) => segment.words);
  expect(words.length).toBeGreaterThan(10);
  for (const { word, start, end } of words) {
    const middle = (start + end) / 2;
    const chunk = transcript.chunks.findLastIndex((one) => one.start <= middle);
    const tenth = Math.floor(10 * (middle - (transcript.chunks[chunk]?.start ?? 0)));
    const near = sounds[chunk]?.peaks.slice(Math.max(0, tenth - 1), tenth + 2) ?? [];
    expect(Math.max(...near), `the sound of${word} at ${middle}`).toBeGreaterThan(0.01);
  }
  return transcript;
}
