/** A fixed long transcript for measurements and tests of the pages: words of a small vocabulary, a seed, two speakers. */
import type { Transcript } from '../core/contracts/transcript.ts';
import { randomFrom } from './kills.ts';

const VOCABULARY =
  'the of and to in is that it for on with as was at by this from they which or we an there been have would their will meeting people about other into could time these two more then also first new after work between must through year most even because those day made world still life should number found great system where before group small however states market city company question answer project budget plan week month report result model machine'.split(
    ' ',
  );
const SECONDS_PER_WORD = 0.38;
const WORDS_PER_SEGMENT = 12;
/** Every this many segments a pause ends the paragraph, and the speaker changes. */
const [SEGMENTS_PER_PARAGRAPH, SEGMENTS_PER_SPEAKER] = [6, 18];
const LOW_CONFIDENCE_SHARE = 0.05;
const CHUNK_SECONDS = 30;

/** The text has exactly `wordCount` words; its last word is `finale`. */
export function longTranscript(sessionId: string, wordCount: number): Transcript {
  const random = randomFrom(23);
  const segments: Transcript['segments'] = [];
  for (let at = 0, made = 0; made < wordCount; ) {
    const count = Math.min(WORDS_PER_SEGMENT, wordCount - made);
    const start = at;
    const words = Array.from({ length: count }, (_, i) => {
      const isLast = made + i === wordCount - 1;
      const word = isLast ? 'finale' : (VOCABULARY[Math.floor(random() * VOCABULARY.length)] ?? '');
      const probability = random() < LOW_CONFIDENCE_SHARE ? 0.3 : 0.95;
      return { word: ` ${word}`, start: start + i * SECONDS_PER_WORD, end: start + (i + 1) * SECONDS_PER_WORD, probability };
    });
    made += count;
    const end = start + count * SECONDS_PER_WORD;
    const id = segments.length;
    segments.push({
      ...{ id, start, end, words, avg_logprob: -0.2, no_speech_prob: 0.01, compression_ratio: 1.4, language: 'en' },
      text: words.map(({ word }) => word.trim()).join(' '),
      speaker: `S${1 + (Math.floor(id / SEGMENTS_PER_SPEAKER) % 2)}`,
    });
    at = end + (segments.length % SEGMENTS_PER_PARAGRAPH === 0 ? 2 : 0.1);
  }
  const duration = segments.at(-1)?.end ?? 0;
  return {
    ...{ sessionId, segments, status: 'completed', language: 'en', duration_seconds: duration, model: 'fixed', final: true },
    text: segments.map(({ text }) => text).join(' '),
    gaps: [],
    coverage: [{ start: 0, end: duration, kind: 'transcribed' }],
    chunks: Array.from({ length: Math.ceil(duration / CHUNK_SECONDS) }, (_, i) => ({
      ...{ chunkNumber: i + 1, start: i * CHUNK_SECONDS, end: Math.min(duration, (i + 1) * CHUNK_SECONDS), source: 'cache' },
    })),
  } satisfies Transcript;
}
