/** The batch and its lock. */
import type { Requirement } from './requirement.ts';

export const batchRequirements: readonly Requirement[] = [
  {
    id: 'batch.lock',
    sentence:
      'A recording blocks the batch while it renews its lock, for at most twelve hours. Only its owner or an admin can release it.',
    tests: [
      'test/core/lock.test.ts: a lock belongs to one session for half an hour',
      'test/core/lock.test.ts: a recording that renews keeps its lock for two hours',
      'test/core/lock.test.ts: each uploaded chunk renews the lock of its session, but creates none',
      'test/core/lock.test.ts: a session cannot block the batch for longer than twelve hours',
      'test/core/optimistic.test.ts: a loop that always conflicts gives up with an error that names',
      'test/handlers/dynamo-conflicts.test.ts: a transaction that stays throttled is an error, never a conflict',
      'gpu-worker/tests/test_aws.py: test_a_write_that_only_met_another_one_is_tried_again',
      'test/core/lock.test.ts: for concurrent calls of clients in any order',
      'test/handlers/batch-api.test.ts: a recorder locks, renews and unlocks',
      'gpu-worker/tests/test_gate.py: test_while_a_recording_is_live_everything_but_backlog',
      'gpu-worker/tests/test_gate.py: test_a_paused_backlog_is_not_even_received',
    ],
  },
  {
    id: 'batch.turn',
    sentence: 'A batch that was blocked for six hours runs with lower priority than recordings.',
    tests: [
      'test/core/lock.test.ts: a batch that was blocked for six hours runs with lower priority than',
      'test/core/batch-run.test.ts: after six hours of blocked runs',
      'gpu-worker/tests/test_gate.py: test_backlog_is_claimed_without_a_live_recording_or_after_a_long_wait',
    ],
  },
  {
    id: 'batch.finds',
    sentence:
      'A batch detects pending chunks, chunks whose event was lost, and missing or damaged results, including those of older clients.',
    tests: [
      'test/core/batch-scan.test.ts: one run transcribes and reports pending chunks',
      'test/host/batch.test.ts: deleted results are restored unchanged in one reported run, which also transcribes chunks whose event was lost or that an older recorder left',
      'test/core/batch-scan.test.ts: sessions of older clients are found in any folder',
      'test/core/batch-scan.test.ts: a pending row that is missing in the index is put back',
      'test/core/batch-scan.test.ts: above a thousand sessions, a scheduled run scans two days',
    ],
  },
  {
    id: 'batch.skipped',
    sentence: 'If no chunk is missing, or a recording holds the lock, no GPU is started and the report states the reason.',
    tests: [
      'test/core/batch-run.test.ts: if nothing is missing, no GPU is requested and the report has the',
      'test/core/batch-run.test.ts: a lock blocks a run before it scans',
      'test/host/batch.test.ts: without missing chunks, or while a recorder holds the lock, no machine is started and the run is reported as skipped',
    ],
  },
  {
    id: 'batch.once',
    sentence: 'Only one run is active at a time. A run that dies at any point is finished by the following ticks.',
    tests: [
      'test/core/batch-run.test.ts: only one run is active',
      'test/host/batch.test.ts: if during a batch %s, the machine stops, no chunk is lost or transcribed twice, and the batch succeeds',
      'test/host/batch.test.ts: a recording during a batch pauses the backlog until it ends',
      'test/core/batch-run.test.ts: a run that dies at any call is finished by the next ticks',
      'test/handlers/batch-api.test.ts: a manual run starts at once, joins an active run, and is refused during a recording',
    ],
  },
  {
    id: 'batch.mail',
    sentence: 'A user who enabled mail gets one mail for each session that the batch completed. It contains no transcript text.',
    tests: [
      'test/core/batch-run.test.ts: a user who enabled it gets one mail per completed session',
      'test/handlers/batch-api.test.ts: mail is opt-in',
      'test/template/template.test.ts: only a stage with a sender address',
    ],
  },
  {
    id: 'operation.cli',
    sentence: 'Everything can be operated and tested from the command line, interactively and in scripts.',
    tests: ['test/host/cli.test.ts: the command line shows', 'test/host/cli.test.ts: a token is issued for a password'],
  },
  {
    id: 'operation.alarms',
    sentence: 'Every alarm names its section of the runbook, and every section has an alarm.',
    tests: [
      'test/template/template.test.ts: every alarm has an action',
      'test/template/template.test.ts: every dead-letter queue has an alarm',
    ],
  },
];
