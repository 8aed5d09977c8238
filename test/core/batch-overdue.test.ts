import { expect, test } from 'vitest';
import { isBatchOverdue } from '../../core/batch-run/overdue.ts';
import type { RunRow } from '../../core/contracts/batch.ts';
import { HOUR_MS } from '../../core/time.ts';

const NOW = 100 * HOUR_MS;
const run = (hoursAgo: number, more: Partial<RunRow> = {}): RunRow => ({
  kind: 'run',
  id: `batch-${hoursAgo}`,
  version: 1,
  trigger: 'schedule',
  dry_run: false,
  state: 'finished',
  started_at_ms: NOW - hoursAgo * HOUR_MS,
  finished_at_ms: NOW - hoursAgo * HOUR_MS + 1,
  deadline_ms: 0,
  busy_until_ms: 0,
  failures: 0,
  is_locked: false,
  is_behind_live: false,
  status: 'success',
  ...more,
});

test.each<[string, RunRow[], boolean]>([
  ['a stage without runs', [], false],
  ['a stage whose first run failed an hour ago', [run(1, { status: 'failed' })], false],
  ['a stage whose first run began six hours ago and failed', [run(6.1, { status: 'failed' })], true],
  ['success within six hours', [run(1, { status: 'failed' }), run(5, {}), run(7, {})], false],
  ['a paused schedule', [run(6.1), run(8.1)], true],
  ['only failures for six hours', [run(1, { status: 'failed' }), run(3, { status: 'partial' }), run(7)], true],
  ['nothing was missing', [run(1, { status: 'skipped' }), run(7)], false],
  ['a lock blocked every run', [run(1, { status: 'skipped', is_locked: true }), run(7)], true],
  [
    'nothing was missing beside a live recording',
    [run(1, { status: 'skipped', is_locked: true, is_behind_live: true }), run(7)],
    false,
  ],
  ['a dry run', [run(1, { dry_run: true }), run(7)], true],
])(
  'the batch is overdue after six hours without success, but not on a new stage: %s [operation.overdue-batch]',
  async (_, runs, isOverdue) => {
    expect(await isBatchOverdue({ listRuns: async () => runs }, NOW)).toBe(isOverdue);
  },
);
