/** Promised behavior at the boundaries of chunks and parts. */
import type { Requirement } from './requirement.ts';

export const boundaryRequirements: readonly Requirement[] = [
  {
    id: 'boundary.lead-in',
    sentence:
      'Words at a chunk boundary are complete even if the client uploads no overlap. A late, replaced or failed neighboring chunk changes only that boundary.',
    tests: [
      'test/core/boundary.test.ts: chunks that share more than one word give each word once and whole',
      'test/core/boundary.test.ts: the lead-in of a chunk completes the last word of the previous chunk',
      'test/core/boundary.test.ts: the lead-in of a chunk is ignored when the previous chunk is %s',
      'test/core/boundary.test.ts: lead-in words that the previous chunk lacks are part of the text',
      'test/core/any-order.test.ts: uploads in any order, duplicates, late chunks',
    ],
  },
  {
    id: 'boundary.reads-as-one',
    sentence: 'Punctuation, capitals, segments and times at a boundary read as one text.',
    tests: [
      'test/core/boundary.test.ts: $title',
      'test/core/boundary.test.ts: a chunk without a lead-in follows the previous one',
      'test/core/boundary.test.ts: times never decrease, each word lasts at least 20 ms',
    ],
  },
  {
    id: 'boundary.cost',
    sentence: 'Joining two chunks takes a bounded number of steps, however much they have in common.',
    tests: [
      'test/core/boundary.test.ts: %d s of shared audio with %d words per text take only a few steps per',
      'test/core/boundary.test.ts: texts that have nothing in common take no more steps',
    ],
  },
  {
    id: 'boundary.languages-agree',
    sentence: 'The Python service joins the parts of a file by the same rule as the TypeScript code joins chunks.',
    tests: [
      'gpu-worker/tests/test_joining.py: test_words_are_joined_as_in_the_shared_example',
      'gpu-worker/tests/test_joining.py: test_segments_are_joined_as_in_the_shared_example',
      'gpu-worker/tests/test_joining.py: test_parts_have_each_word_once',
      'test/core/boundary.test.ts: $title (gpu-worker/tests/test_joining.py reads it too)',
    ],
  },
  {
    id: 'transcript.language',
    sentence:
      'The language of a transcript is that of most of its words. Segments keep their own languages. A transcript without words has no language.',
    tests: [
      'test/core/join.test.ts: the language is that of most words, not that of the first chunk',
      'test/core/join.test.ts: segments keep their languages, which override that of their chunk',
    ],
  },
  {
    id: 'transcript.unspaced',
    sentence: 'Texts in scripts without spaces are joined without spaces.',
    tests: [
      'test/core/join.test.ts: Chinese chunks are joined without a space',
      'test/core/boundary.test.ts: texts joined: $joined',
      'gpu-worker/tests/test_joining.py: test_texts_are_joined_as_in_the_shared_example',
    ],
  },
  {
    id: 'transcript.unheard',
    sentence: 'Speech without recognized words is listed as failed, but not where a neighboring chunk has the words.',
    tests: [
      'test/core/join.test.ts: speech without words is listed as failed',
      'test/core/boundary.test.ts: speech without words in shared audio counts as failed only where the',
    ],
  },
];
