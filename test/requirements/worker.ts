/** The worker: claims, faults and its end. */
import type { Requirement } from './requirement.ts';

export const workerRequirements: readonly Requirement[] = [
  {
    id: 'worker.killed',
    sentence:
      'After kill -9 of the worker, only the chunks that it had claimed are processed again, when their leases have expired. Nothing is lost or billed twice.',
    tests: [
      'test/host/kills.test.ts: a worker that is killed at random times loses no chunk and transcribes none twice',
      'test/host/recording.test.ts: after kill -9, the next worker transcribes the claimed chunks',
      'gpu-worker/tests/test_chunk_rows.py: test_a_zombie_whose_lease_was_taken_over_writes_nothing',
      'gpu-worker/tests/test_chunk_rows.py: test_a_commit_writes_row_and_ledger_together',
      'gpu-worker/tests/test_crash_matrix.py: test_after_a_worker_ended_at_a_place_the_next_one',
      'gpu-worker/tests/test_crash_matrix.py: test_the_next_process_releases_the_claims_of_a_killed',
    ],
  },
  {
    id: 'worker.zombie',
    sentence: 'A worker that was paused beyond its lease writes nothing when it continues.',
    tests: [
      'gpu-worker/tests/test_crash_matrix.py: test_a_worker_paused_at_a_place_past_its_lease',
      'gpu-worker/tests/test_chunk_rows.py: test_a_zombie_whose_lease_was_taken_over_writes_nothing',
    ],
  },
  {
    id: 'worker.stopped',
    sentence: 'On SIGTERM, the worker finishes or releases its chunks. A commanded stop uses no attempt.',
    tests: [
      'test/host/recording.test.ts: on SIGTERM, the worker releases its chunks at once, without a failed attempt',
      'gpu-worker/tests/test_chunk_rows.py: test_a_released_chunk_costs_no_attempt_and_can',
    ],
  },
  {
    id: 'worker.poison',
    sentence: 'A chunk is tried at most three times. After that, it has failed permanently, with the reason.',
    tests: ['gpu-worker/tests/test_chunk_rows.py: test_delays_grow_after_failures'],
  },
  {
    id: 'worker.suspects',
    sentence:
      'After a worker died, its claimed chunks are transcribed alone. Only a death while alone counts, and the second one fails the chunk permanently. Intended stops never count.',
    tests: [
      'gpu-worker/tests/test_chunk_rows.py: test_a_death_among_other_chunks_makes_a_suspect',
      'gpu-worker/tests/test_chunk_rows.py: test_the_second_death_alone_fails_the_chunk',
      'gpu-worker/tests/test_chunk_rows.py: test_a_machine_that_was_stopped_on_purpose',
      'gpu-worker/tests/test_chunk_rows.py: test_a_blamed_chunk_is_treated_as_after_a_death',
      'gpu-worker/tests/test_claim_protocol.py: test_a_chunk_that_kills_every_worker_fails',
      'gpu-worker/tests/test_claim_protocol.py: test_decided_stops_never_count_against_a_chunk',
      'gpu-worker/tests/test_crash_matrix.py: test_kills_from_outside_do_not_count_as_deaths_of_the_chunk',
      'gpu-worker/tests/test_crash_matrix.py: test_crashes_of_the_worker_count_as_deaths_of_the_chunk',
    ],
  },
  {
    id: 'worker.claims',
    sentence: 'No order of claims, deaths, stops and replaced bytes loses a chunk, commits it twice, or changes a result.',
    tests: ['gpu-worker/tests/test_claim_protocol.py: test_no_reachable_state_of_the_row_loses_work'],
  },
  {
    id: 'worker.machine-faults',
    sentence:
      'A full disk, a model that does not load and a reclaimed machine use no attempt. The worker stops claiming and reports the reason.',
    tests: [
      'test/host/lost-and-repeated.test.ts: a machine that cannot work reports the reason, counts no failed attempts, and is stopped',
      'test/host/lost-and-repeated.test.ts: an interrupted spot machine releases its work at once, and the next one does it without a failed attempt',
      'gpu-worker/tests/test_process.py: test_a_full_disk_fails_the_run_with_that_error',
      'gpu-worker/tests/test_crash_matrix.py: test_out_of_memory_once_costs_no_attempt',
      'gpu-worker/tests/test_crash_matrix.py: test_a_chunk_that_repeatedly_exhausts',
      'gpu-worker/tests/test_crash_matrix.py: test_a_process_due_for_a_restart_ends',
      'gpu-worker/tests/test_process.py: test_a_machine_that_ec2_reclaims_fails',
    ],
  },
];
