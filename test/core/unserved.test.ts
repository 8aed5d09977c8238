import { expect, test } from 'vitest';
import { isUnserved } from '../../core/chunk-cache/unserved.ts';
import { chunkRow } from '../support/rows.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;

test.each([
  ['waits for over a minute and nobody serves', { queued_at_ms: NOW - 61_000 }, 'unserved', true],
  ['was queued a moment ago', { queued_at_ms: NOW - 30_000 }, 'unserved', false],
  ['waits while somebody serves', { queued_at_ms: NOW - 5 * MINUTE }, 'served', false],
  [
    'waits for over ten minutes although somebody serves: its message is lost',
    { queued_at_ms: NOW - 11 * MINUTE },
    'served',
    true,
  ],
  ['was left by a run that was found dead', { queued_at_ms: NOW - 1 }, 'left', true],
  ['is leased', { state: 'leased', lease_until_ms: NOW + 1, queued_at_ms: 0 }, 'unserved', false],
  ['has a lease that ran out', { state: 'leased', lease_until_ms: NOW - 1, queued_at_ms: 0 }, 'unserved', true],
  ['waits for its next attempt', { next_attempt_at_ms: NOW + 1, queued_at_ms: 0 }, 'unserved', false],
  ['is done, but still in the index', { state: 'done', queued_at_ms: 0 }, 'unserved', false],
  ['is dead, but still in the index', { state: 'dead', queued_at_ms: 0 }, 'left', false],
  ['belongs to a session that is only stored', { lane: 'backlog', queued_at_ms: 0 }, 'unserved', false],
] as const)('a row that %s', (_what, row, service, unserved) => {
  expect(isUnserved(chunkRow(1, row), service, NOW)).toBe(unserved);
});
