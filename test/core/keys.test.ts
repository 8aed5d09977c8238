import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkKey, parseChunkKey } from '../../core/contracts/keys.ts';
import { CHUNK_EXTENSIONS } from '../../core/contracts/media.ts';

test('parsing a chunk key returns what it was built from [keys]', () => {
  const place = fc.record({
    userId: fc.uuid(),
    sessionId: fc.stringMatching(/^session_[A-Za-z0-9_-]{1,64}$/),
    chunkNumber: fc.integer({ min: 1, max: 99_999 }),
  });
  fc.assert(
    fc.property(place, fc.constantFrom(...CHUNK_EXTENSIONS), (chunk, extension) => {
      expect(parseChunkKey(chunkKey(chunk, extension))).toEqual(chunk);
    }),
    { numRuns: 500 },
  );
});

test.each([
  'users/a/sessions/session_1/results/001.3.json',
  'users/a/sessions/session_1/transcription-chunk-001.json',
  'users/a/sessions/session_1/chunk-000.webm',
  'users/a/sessions/session_1/chunk-01.webm',
  'users/a/sessions/session_1/chunk-0001.webm',
  'users/a/sessions/session_1/chunk-001.exe',
  'users/a/sessions/other_1/chunk-001.webm',
  'users/a/sessions/session_1/x/chunk-001.webm',
  'users/a/files/job_1/source.webm',
])('%s is not a chunk key [keys]', (key) => {
  expect(parseChunkKey(key)).toBeUndefined();
});
