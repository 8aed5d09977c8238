/** The unmodified OpenAI npm client against the service. */
import { createReadStream, readFileSync } from 'node:fs';
import OpenAI, { APIError, toFile } from 'openai';
import { expect, inject, test } from 'vitest';
import { SAMPLE } from '../support/fixture-sample.ts';

const { url } = inject('service');
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
const file = () => createReadStream(SAMPLE);
const WELCOME = 'hello everyone and welcome';

test('the client lists models and gets json, text, srt, vtt and verbose_json [service.openai]', async () => {
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['protocol.en']);
  const { text } = await client.audio.transcriptions.create({ model: 'whisper-1', file: file() });
  expect(text).toContain(WELCOME);
  expect(await client.audio.transcriptions.create({ model: 'protocol.en', file: file(), response_format: 'text' })).toContain(
    WELCOME,
  );
  expect(await client.audio.transcriptions.create({ model: 'protocol.en', file: file(), response_format: 'srt' })).toMatch(
    /^1\n00:00:0\d,/,
  );
  expect(await client.audio.transcriptions.create({ model: 'protocol.en', file: file(), response_format: 'vtt' })).toMatch(
    /^WEBVTT\n/,
  );
  const verbose = await client.audio.transcriptions.create({
    model: 'protocol.en',
    file: file(),
    response_format: 'verbose_json',
  });
  expect(verbose).toMatchObject({ language: 'english', text, segments: expect.any(Array) });
  expect(verbose.words).toBeUndefined();
});

test('the client gets words on request, and a stream whose pieces form the text [service.openai]', async () => {
  const { words, segments } = await client.audio.transcriptions.create({
    model: 'protocol.en',
    file: file(),
    response_format: 'verbose_json',
    timestamp_granularities: ['word'],
  });
  expect(segments).toBeUndefined();
  expect(words?.[0]).toMatchObject({ word: 'fifty', start: expect.any(Number), end: expect.any(Number) });
  const other = Buffer.concat([readFileSync(SAMPLE), Buffer.from([0xec, 0x81, 0x01])]);
  const stream = await client.audio.transcriptions.create({
    model: 'protocol.en',
    file: await toFile(other, 'talk.webm'),
    stream: true,
  });
  let pieces = '';
  let whole = '';
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') pieces += event.delta;
    if (event.type === 'transcript.text.done') whole = event.text;
  }
  expect(whole).toContain(WELCOME);
  expect(pieces).toBe(whole);
});

test('errors map to the client’s error classes [service.openai]', async () => {
  const ask = (more: object) =>
    client.audio.transcriptions.create({ model: 'protocol.en', file: file(), ...more }).catch((error: unknown) => error);
  expect(await ask({ model: 'gpt-9' })).toMatchObject({ status: 422, code: 'unknown-model', param: 'model' });
  expect(await ask({ response_format: 'docx' })).toBeInstanceOf(OpenAI.BadRequestError);
  const none = await ask({ file: await toFile(Buffer.from('no audio whatsoever'), 'a.webm') });
  expect(none).toBeInstanceOf(APIError);
  expect(none).toMatchObject({ status: 415 });
});
