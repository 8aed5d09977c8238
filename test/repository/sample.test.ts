import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { type KnownRecording, knownRecording, SAMPLE } from '../../host/known-recording.ts';
import { cutRecording } from '../../host/recording-client.ts';
import { wordErrorRate, wordsOf } from '../../host/word-error-rate.ts';

const Script = z.object({ turns: z.array(z.object({ speaker: z.string(), sentences: z.array(z.string()) })) });

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chunkscribe-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function sample(): KnownRecording {
  const known = knownRecording(SAMPLE);
  if (known === undefined) throw new Error('host/sample/conversation.json is missing or has another form');
  return known;
}

const rate = (reference: string, transcript: string): number => wordErrorRate(wordsOf(reference), wordsOf(transcript));

test('the sample is about two minutes long, as its JSON declares [host.sample]', () => {
  const seconds = cutRecording(SAMPLE, temporaryFolder()).reduce((sum, chunk) => sum + chunk.seconds, 0);
  expect(seconds).toBeGreaterThan(110);
  expect(seconds).toBeLessThan(131);
  expect(Math.abs(sample().duration_seconds - seconds)).toBeLessThan(0.1);
  expect(readFileSync(SAMPLE).length).toBeLessThan(700_000);
});

test("the sample's words are the words of its turns, in order of time, by three speakers [host.sample]", () => {
  const { text, turns, words, duration_seconds } = sample();
  expect(new Set(turns.map(({ speaker }) => speaker)).size).toBe(3);
  expect(turns.map((turn) => turn.text).join(' ')).toBe(text);
  let end = 0;
  for (const word of words) {
    expect(word.start, word.word).toBeGreaterThanOrEqual(end);
    expect(word.end, word.word).toBeGreaterThan(word.start);
    end = word.end;
  }
  expect(duration_seconds).toBeGreaterThan(end);
  for (const turn of turns) {
    const own = words.filter((word) => word.start >= turn.start && word.end <= turn.end);
    expect(own.map(({ word }) => word).join(' ')).toBe(turn.text);
  }
  expect(words).toHaveLength(text.split(' ').length);
});

test("the sample's text equals the script that it was made from [host.sample]", () => {
  const script = Script.parse(JSON.parse(readFileSync(join(dirname(SAMPLE), 'script.json'), 'utf8')));
  const written = script.turns.map(({ speaker, sentences }) => ({ speaker, text: sentences.join(' ') }));
  expect(sample().turns.map(({ speaker, text }) => ({ speaker, text }))).toEqual(written);
});

test('a wrong, a missing and an added word each count as one error [host.sample]', () => {
  const { text, words } = sample();
  const one = 1 / wordsOf(text.replace("don't", 'do not').replace("Let's", 'let us').replace("I'll", 'I will')).length;
  expect(rate(text, text)).toBe(0);
  expect(rate(text, text.replace('microphone', 'telephone'))).toBeCloseTo(one, 10);
  expect(rate(text, text.replace(' microphone', ''))).toBeCloseTo(one, 10);
  expect(rate(text, text.replace('microphone', 'microphone now'))).toBeCloseTo(one, 10);
  expect(rate(text, '')).toBe(1);
  expect(words.length).toBeGreaterThan(300);
});

test.each([
  ["Don't worry, they'll call.", 'do not worry they will call'],
  ['It’s twenty-five.', 'it is 25'],
  ['Two hundred and five of 1,250', '200 and 5 of one thousand two hundred fifty'],
  ['twenty thirty', '20 30'],
  ['three four', '3 4'],
  ['Um, I mean, okay.', 'I mean OK'],
])('a different spelling is not a word error: %s [host.sample]', (reference, transcript) => {
  expect(rate(reference, transcript)).toBe(0);
});

test.each([
  ['twenty five', '26', 1],
  ['in an hour', 'in our', 2 / 3],
  ['I can hear it', "I can't hear it", 1 / 4],
])('different words are word errors: %s [host.sample]', (reference, transcript, expected) => {
  expect(rate(reference, transcript)).toBeCloseTo(expected, 10);
});

test('a recording without a reference text, or with another JSON file next to it, has no word error rate [host.sample]', () => {
  const folder = temporaryFolder();
  expect(knownRecording(join(folder, 'talk.webm'))).toBeUndefined();
  writeFileSync(join(folder, 'talk.json'), '{"title": "notes"}');
  expect(knownRecording(join(folder, 'talk.webm'))).toBeUndefined();
  writeFileSync(join(folder, 'talk.json'), 'no JSON');
  expect(knownRecording(join(folder, 'talk.webm'))).toBeUndefined();
});
