/** Browsers whose MediaRecorder reports no type and delivers empty parts, as Safari and old Firefox do. */
import { expect, test } from 'vitest';
import { expectTimesOfPlayer, onlySession } from './player-times.ts';
import { browser, newUser, record, recorded, stop, waitUntilComplete } from './support.ts';

/** The first eight bytes of a file, in hex, by its content type. */
const BEGINNINGS = { 'audio/mp4': /66747970$/, 'audio/webm': /^1a45dfa3/ } as const;

test.concurrent.each([
  ['audio/mp4', 'the type that it supports', ['audio/mp4']],
  ['audio/webm', 'WebM if it supports no known type', []],
] as const)(
  'a MediaRecorder that reports no type and delivers empty parts is recorded completely as %s, %s [pages.nothing-lost]',
  async (type, _why, supported) => {
    const context = await (await browser()).newContext();
    await context.addInitScript((types: readonly string[]) => {
      let recorders = 0;
      globalThis.MediaRecorder = class extends MediaRecorder {
        static override isTypeSupported = (wanted: string): boolean => types.includes(wanted);
        constructor(stream: MediaStream, options?: MediaRecorderOptions) {
          super(stream, options);
          const isSilent = ++recorders === 2;
          this.addEventListener('dataavailable', (event) => {
            if (event.data.size === 0) return;
            if (isSilent) event.stopImmediatePropagation();
            this.dispatchEvent(new BlobEvent('dataavailable', { data: new Blob() }));
          });
        }
        override get mimeType(): string {
          return '';
        }
      };
    }, supported);
    const { page, token } = await newUser(context);
    const pauseAndResume = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByText('Paused.').waitFor();
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByText(/^Recording\. /).waitFor();
    };
    await record(page);
    await recorded(page, 6);
    await pauseAndResume();
    await recorded(page, 8); // the second recorder delivers empty parts only
    await pauseAndResume();
    await recorded(page, 20);
    await stop(page);
    await waitUntilComplete(page);
    const recording = await onlySession(token);
    const { chunks } = await expectTimesOfPlayer(page, recording);
    expect(chunks.map(({ chunkNumber }) => chunkNumber)).toEqual([1, 2]);
    const { client, session } = recording;
    const audio = (await (await client.call('GET', `/api/sessions/${session.id}/audio`)).json()) as { chunks: { url: string }[] };
    for (const { url } of audio.chunks) {
      const response = await fetch(url);
      expect(response.headers.get('content-type')).toBe(type);
      expect(Buffer.from(await response.arrayBuffer()).toString('hex', 0, 8)).toMatch(BEGINNINGS[type]);
    }
  },
);
