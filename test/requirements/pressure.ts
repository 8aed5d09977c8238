/** Promised behavior under load and faults: one user or item does not affect the others. */
import type { Requirement } from './requirement.ts';

export const pressureRequirements: readonly Requirement[] = [
  {
    id: 'pressure.corrections',
    sentence: 'Applying the corrections of a user with thousands of chunks delays no other user.',
    tests: [
      "test/host/pressure.test.ts: a recording is transcribed while another user's corrections are applied",
      'test/handlers/assemble.test.ts: notes of applied corrections in 5,960 rows assemble nothing',
      'test/handlers/assemble.test.ts: a commit is assembled if the user has corrections, but the note of applied corrections is not',
      'test/handlers/assemble.test.ts: a session with several completed chunks in one batch is assembled once',
      'test/core/corrections.test.ts: a slice corrects at most 500 rows, can end within a session',
      'test/core/corrections.test.ts: a slice also ends by time, so slow rules do not run into the function',
      'test/template/template.test.ts: table streams are processed in parallel',
      'test/template/template.test.ts: rows with applied corrections trigger no assembly',
      'gpu-worker/tests/test_replaced.py: test_a_commit_clears_the_version_of_the_corrections',
    ],
  },
  {
    id: 'pressure.contained',
    sentence:
      'A session, file or user whose processing fails or never ends does not block the others, and the failure is counted.',
    tests: [
      'test/core/contained.test.ts: is reported with its id and postponed',
      'test/core/contained.test.ts: in the session keeper',
      'test/core/contained.test.ts: in the file keeper: the others are processed',
      'test/core/contained.test.ts: in a batch scan: the other missing chunks are found and queued by the',
      'test/core/contained.test.ts: at the end of a batch run',
      'test/core/contained.test.ts: a row that cannot be marked as queued blocks neither the messages of',
      'test/core/contained.test.ts: a lane that cannot be queued does not block the messages of other lanes',
      'test/core/contained.test.ts: after the time limit no item is started',
      'test/handlers/valid-rows.test.ts: a row that cannot be read',
      'test/core/webhooks.test.ts: a delivery whose message cannot be sent does not block other deliveries',
      'test/core/contained.test.ts: a report that %s does not affect other items',
      'test/core/contained.test.ts: a batch of items is processed completely and then fails',
      'test/core/corrections.test.ts: a session that fails keeps its old texts and does not block the others',
      'test/handlers/assemble.test.ts: a failing session does not block the others of its batch, and is retried with them',
      'test/handlers/fleet.test.ts: unserved work is requeued even if a machine or costs cannot be read, and the pass fails at the end',
      'test/host/pressure.test.ts: more permanently failing changes than fit in a batch do not block other users',
    ],
  },
  {
    id: 'pressure.complete',
    sentence:
      'Stop returns within seconds, however much work is pending: the state is written first, then messages are sent in batches. A crash in between loses nothing.',
    tests: [
      'test/core/ingest.test.ts: for 1,700 pending chunks the state is written before any message',
      'test/core/ingest.test.ts: a Stop that dies after it wrote the state leaves rows that the reaper',
      'test/handlers/work-queue.test.ts: 1,700 messages are sent in 170 calls of ten, 16 concurrently',
      'test/handlers/work-queue.test.ts: only rejected entries are sent again',
      'test/handlers/work-queue.test.ts: an entry that is always rejected is an error',
    ],
  },
  {
    id: 'pressure.overwritten',
    sentence:
      'The text of a chunk is always that of its current bytes, even if they were overwritten and events were lost or reordered.',
    tests: [
      'test/host/pressure.test.ts: the URL of an unused chunk number accepts one upload, even with replace',
      'test/handlers/recording-api.test.ts: the URL of an unused chunk number accepts one upload, even with replace',
      'test/core/ingest.test.ts: an object that overwrote another under the same key replaces it,',
      'test/core/ingest.test.ts: of two uploads under one key the newest counts',
      'test/core/ingest.test.ts: an object under another key that is older than the current one is not',
      'test/core/ingest.test.ts: Stop finds audio that was overwritten without an event',
      'test/core/batch-scan.test.ts: audio that was overwritten after its transcription',
      'gpu-worker/tests/test_replaced.py: test_the_newest_bytes_are_decoded_and_committed',
      'gpu-worker/tests/test_replaced.py: test_bytes_that_are_overwritten_again',
      'gpu-worker/tests/test_replaced.py: test_a_chunk_whose_row_has_the_new_bytes',
      'gpu-worker/tests/test_replaced.py: test_a_chunk_whose_object_is_gone',
      'gpu-worker/tests/test_claim_protocol.py: test_no_reachable_state_of_the_row',
    ],
  },
  {
    id: 'pressure.frozen-worker',
    sentence: 'A worker whose process is frozen is killed before its lease expires, and its chunks are then processed at once.',
    tests: [
      'test/core/worker-watch.test.ts: a worker without a heartbeat is reported as frozen within its lease,',
      'test/core/worker-watch.test.ts: each heartbeat restarts the time',
      'test/core/worker-watch.test.ts: the heartbeat file of a previous process is ignored until this process',
      'gpu-worker/tests/test_pulse.py: test_systemd_and_the_host_get',
      'gpu-worker/tests/test_pulse.py: test_signals_continue_after',
      'gpu-worker/tests/test_pulse.py: test_a_frozen_worker_is_killed',
    ],
  },
];
