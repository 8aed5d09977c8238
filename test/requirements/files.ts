/** Promised behavior of file jobs. */
import type { Requirement } from './requirement.ts';

export const fileRequirements: readonly Requirement[] = [
  {
    id: 'files.way',
    sentence:
      'A file of any supported type is cut at pauses and transcribed in parts. The parts become one text with a paragraph each.',
    tests: [
      'test/host/files.test.ts: a small mp3 is transcribed',
      'test/host/files.test.ts: a large WAV is compressed, cut, transcribed in parts, and stored compressed',
      'test/host/files.test.ts: ten concurrent files are transcribed in one run',
      'test/core/file-jobs.test.ts: a file is cut, its parts are transcribed and become one text with a',
      'gpu-worker/tests/test_file_audio.py: test_a_file_is_cut_at_a_pause',
    ],
  },
  {
    id: 'files.no-word-lost',
    sentence: 'Cutting a file loses or repeats no word, even in speech without pauses.',
    tests: [
      'gpu-worker/tests/test_file_audio.py: test_without_a_pause',
      'gpu-worker/tests/test_file_audio.py: test_all_samples_are_in_the_parts',
    ],
  },
  {
    id: 'files.progress',
    sentence: 'Progress counts the audio that is already transcribed, names the current stage, and never decreases.',
    tests: [
      'test/core/file-jobs.test.ts: progress counts the transcribed audio, names its stages',
      'test/host/files.test.ts: a small mp3 is transcribed, with monotonic progress',
    ],
  },
  {
    id: 'files.crashes',
    sentence: 'A file completes even if a process dies in the middle of it, and no part is transcribed twice.',
    tests: [
      'test/host/files.test.ts: after kill -9 of the worker, a file completes with the same text as without it',
      'gpu-worker/tests/test_files.py: test_after_a_worker_ended_while_cutting_the_next',
      'gpu-worker/tests/test_files.py: test_the_next_worker_removes_temporary_files_of_a_killed',
      'test/host/files.test.ts: an engine failure fails the job with its reason, does not affect other jobs, and a retry needs no new upload',
      'test/core/file-jobs.test.ts: repeated and reordered events have the same result',
    ],
  },
  {
    id: 'files.control',
    sentence: 'A job can be cancelled in every state, retried without a new upload, and deleted with all its data.',
    tests: [
      'test/host/files.test.ts: a job can be cancelled in every state, and nothing of it remains',
      'test/core/file-jobs.test.ts: a cancelled or deleted job leaves nothing behind, including late results and uploads',
      'test/core/file-jobs.test.ts: a dead part ends the job with its reason',
      'gpu-worker/tests/test_files.py: test_a_deleted_part_is_abandoned_within_a_batch',
    ],
  },
  {
    id: 'files.once',
    sentence: 'The same content with the same options is transcribed only once per user.',
    tests: [
      'test/host/files.test.ts: the same content is transcribed once',
      'test/core/file-jobs.test.ts: the same content with the same options is transcribed once for all jobs',
      'test/core/file-jobs.test.ts: if the job that transcribes shared content %s',
    ],
  },
  {
    id: 'files.stuck',
    sentence: 'A job without progress is resumed or fails. An upload that is never completed is abandoned after a day.',
    tests: [
      'test/core/file-jobs.test.ts: a job without progress is resumed',
      'test/core/file-jobs.test.ts: an unfinished upload is abandoned after a day',
    ],
  },
  {
    id: 'files.door',
    sentence:
      'A file that cannot be transcribed is refused with a readable reason before anything is stored. One request creates one job.',
    tests: [
      'test/handlers/jobs-api.test.ts: %s is refused before anything is stored',
      'test/handlers/jobs-api.test.ts: the same idempotency key and request create one job, even concurrently',
      'test/handlers/jobs-api.test.ts: an unknown job is 404, a deleted one 410',
      'test/handlers/jobs-api.test.ts: too many open jobs',
    ],
  },
  {
    id: 'files.hostile',
    sentence:
      'A file that is not audio fails as unsupported media. It opens no other file and no socket, and takes no more memory than audio.',
    tests: [
      'gpu-worker/tests/test_mutated_files.py: test_damaged_files_are_decoded_or_refused',
      'test/host/files.test.ts: %s fails as unsupported media',
      'gpu-worker/tests/test_file_audio.py: test_a_file_that_is_not_audio',
      'gpu-worker/tests/test_file_audio.py: test_ten_hours_in_a_few_megabytes',
    ],
  },
  {
    id: 'files.live-first',
    sentence: 'Live recordings have priority over files, even while a file is being transcribed.',
    tests: [
      'gpu-worker/tests/test_files.py: test_a_live_chunk_has_priority_over',
      'gpu-worker/tests/test_gate.py: test_only_a_few_file_messages_are_received',
    ],
  },
  {
    id: 'files.upload',
    sentence: 'Large files are uploaded in parts, and each part can be uploaded again on its own.',
    tests: [
      'test/handlers/jobs-api.test.ts: a large file is uploaded in parts',
      'test/host/files.test.ts: %s uploads a large file',
      'test/host/files.test.ts: a file is transcribed even if its client never completes the upload',
      'test/handlers/jobs-api.test.ts: a new job has an id and a URL that accepts exactly this file',
    ],
  },
  {
    id: 'files.webhooks',
    sentence:
      "Each end of a job or session is delivered once to the user's server, with a signature. Failed deliveries are retried. Private addresses cannot be called.",
    tests: [
      'test/host/webhooks.test.ts: the end of a file is delivered once, with a signature that both standard libraries verify, and again on replay',
      'test/host/webhooks.test.ts: the end of a session is delivered',
      'test/core/webhooks.test.ts: a delivery to a failing receiver is attempted ten times on schedule, with one id',
      'test/core/webhooks.test.ts: 410 disables the address',
      'test/core/webhooks.test.ts: Retry-After of a 429 or 503 replaces the next wait, within bounds',
      'test/core/webhook-addresses.test.ts: $url: $refused',
      'test/handlers/webhook-post.test.ts: the standard library verifies a delivery with either secret, and rejects a modified one',
      'test/handlers/webhook-post.test.ts: a public name that resolves to a private address is not connected to, even if only one of its addresses is private',
    ],
  },
  {
    id: 'files.examples',
    sentence: 'The file examples in the docs work as described.',
    tests: ['test/host/files.test.ts: the example of the guide transcribes a file'],
  },
  {
    id: 'files.too-long',
    sentence: 'Work that exceeds the time limit for its length is abandoned.',
    tests: ['gpu-worker/tests/test_files.py: test_work_that_exceeds_a_time_limit'],
  },
  {
    id: 'files.mail',
    sentence: 'A user who enabled mail gets one mail when a file is transcribed or has failed.',
    tests: ['test/core/file-jobs.test.ts: a user who enabled it gets one mail per end of a job'],
  },
  {
    id: 'files.numbers',
    sentence: "The success rate, the speed, the age of pending work, stuck jobs and the worker's memory are counted and shown.",
    tests: [
      'test/core/file-jobs.test.ts: each end of a job is counted once',
      'test/core/file-jobs.test.ts: stuck jobs are listed until they make progress',
      'test/handlers/gpu-api.test.ts: the overview contains machines, holders, queues and costs',
    ],
  },
  {
    id: 'files.cli',
    sentence: 'A user transcribes files from the command line, sees their progress, and can continue after Ctrl+C.',
    tests: ['test/host/cli.test.ts: files are transcribed from the command line'],
  },
  {
    id: 'files.content-decides',
    sentence: 'The content of a file, not its name or type, decides whether it is transcribed.',
    tests: [
      'test/handlers/jobs-api.test.ts: %s is accepted',
      'test/host/cli.test.ts: files are transcribed from the command line',
    ],
  },
  {
    id: 'files.one-by-one',
    sentence:
      'Each file on a command line is processed independently: an invalid one is reported by name, and the others are transcribed.',
    tests: [
      'test/cli/stage.test.ts: of several files the valid ones are transcribed, each invalid one is reported with its reason, and the exit status is 1',
      'test/cli/stage.test.ts: a text that cannot be written',
      'test/cli/stage.test.ts: a stage that refuses the token ends the command at the first file',
    ],
  },
];
