import { expect, test } from 'vitest';
import { isUnserved } from '../../core/chunk-cache/unserved.ts';
import { chunkRow } from '../support/rows.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;

test.each([
  ['has waited for over a minute while no run is serving', { queued_at_ms: NOW - 61_000 }, 'unserved', true],
  ['was queued a moment ago', { queued_at_ms: NOW - 30_000 }, 'unserved', false],
  ['waits while a run is serving', { queued_at_ms: NOW - 5 * MINUTE }, 'served', false],
  [
    'has waited for over ten minutes although a run is serving: its message is lost',
    { queued_at_ms: NOW - 11 * MINUTE },
    'served',
    true,
  ],
  ['was left by a run that died', { queued_at_ms: NOW - 1 }, 'orphaned', true],
  ['is leased', { state: 'leased', lease_until_ms: NOW + 1, queued_at_ms: 0 }, 'unserved', false],
  ['has an expired lease', { state: 'leased', lease_until_ms: NOW - 1, queued_at_ms: 0 }, 'unserved', true],
  ['waits for its next attempt', { next_attempt_at_ms: NOW + 1, queued_at_ms: 0 }, 'unserved', false],
  ['is done, but still in the index', { state: 'done', queued_at_ms: 0 }, 'unserved', false],
  ['is dead, but still in the index', { state: 'dead', queued_at_ms: 0 }, 'orphaned', false],
  ['belongs to a session that is only stored', { lane: 'backlog', queued_at_ms: 0 }, 'unserved', false],
] as const)('a row that %s [gpu.no-lost-wish]', (_what, row, run, unserved) => {
  expect(isUnserved(chunkRow(1, row), run, NOW)).toBe(unserved);
});
