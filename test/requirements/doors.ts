/** Promised behavior of input validation. */
import type { Requirement } from './requirement.ts';

export const doorRequirements: readonly Requirement[] = [
  {
    id: 'doors.as-described',
    sentence:
      'Every call accepts exactly the bodies and queries that its description allows, and refuses all others before it reads or writes anything.',
    tests: [
      'test/handlers/doors.test.ts: the example passes validation',
      'test/handlers/doors.test.ts: a missing, empty, null or list body is accepted only if the description allows it',
      'test/handlers/doors.test.ts: an unknown field is refused',
      'test/handlers/doors.test.ts: an unpaired surrogate is refused in every text',
      'test/handlers/doors.test.ts: %s: %s accepts only numbers in JSON notation',
      'test/handlers/doors.test.ts: a chunk number in a path is accepted only in its canonical form',
      'test/host/strict-doors.test.ts: an unpaired surrogate in a title, a chunk number in another notation and a far too large chunk count are refused',
    ],
  },
  {
    id: 'doors.chunk-count',
    sentence:
      'A chunk count far above the highest received number is refused. A count that uploads in progress can explain is accepted.',
    tests: [
      'test/handlers/chunk-count.test.ts: a chunk count far above the highest received chunk number is refused, and the recording continues',
      'test/handlers/chunk-count.test.ts: a recording of one day may be completed before any chunk has arrived, a longer one only afterwards',
    ],
  },
  {
    id: 'doors.sample-rates',
    sentence:
      'Audio at sample rates that no recorder uses is refused, because one kilobyte of it could claim to be minutes long.',
    tests: [
      'gpu-worker/tests/test_media.py: test_sample_rates_outside_the_supported_range_are_refused',
      'gpu-worker/tests/test_media.py: test_sample_rates_within_the_supported_range',
      'test/host/strict-doors.test.ts: a kilobyte that claims to contain ten minutes is refused as audio',
    ],
  },
  {
    id: 'corrections.limits',
    sentence:
      'Corrections of the documented size are accepted. Rules that would delay other work are refused by number, and skipped if they are already stored.',
    tests: [
      'test/core/correction-limits.test.ts: 500 rules with 500 characters each for match and replacement',
      'test/core/correction-limits.test.ts: 500 word rules correct eight hours of text, in order',
      'test/core/correction-limits.test.ts: a rule with too many states is refused by its number',
      'test/core/correction-limits.test.ts: such rules in a row of an older version are skipped and the others applied',
      'test/core/correction-limits.test.ts: expressions that exceed their time on a text are skipped for it',
      'test/core/correction-limits.test.ts: correct each text once, until the rules change',
      'test/core/correction-limits.test.ts: skip expressions when the time of a call is used up',
      'test/core/correction-limits.test.ts: corrected text and word counts fit into their row',
      'test/host/strict-doors.test.ts: corrections of the documented size are saved and read',
      'test/host/strict-doors.test.ts: rules that take too long are refused by number',
    ],
  },
  {
    id: 'corrections.two-tabs',
    sentence:
      'A change keeps the fields that it omits. A tab that would overwrite newer corrections gets a conflict and keeps what the user typed.',
    tests: [
      'test/core/correction-limits.test.ts: keeps the fields that it omits',
      'test/core/correction-limits.test.ts: with an outdated version is a conflict',
      'test/web/merge.test.ts: entries of another tab are added',
      "test/browser/words.test.ts: a tab that would overwrite another tab's corrections gets a conflict",
    ],
  },
];
