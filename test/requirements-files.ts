/** What is promised of whole files. */
import type { Requirement } from './requirement.ts';

export const fileRequirements: readonly Requirement[] = [
  {
    id: 'files.way',
    sentence:
      'A file of any kind that we take is cut at silences, heard in parts, and becomes one text with a paragraph for each.',
    tests: [
      'test/host/files.test.ts: a small mp3 is transcribed',
      'test/host/files.test.ts: a large WAV is compressed first',
      'test/host/files.test.ts: ten files at once',
      'test/core/file-jobs.test.ts: a file is cut, its parts are heard',
      'gpu-worker/tests/test_file_audio.py: test_a_file_is_cut_where_nobody_speaks',
    ],
  },
  {
    id: 'files.no-word-lost',
    sentence: 'No cut loses a word or doubles one, also where nobody pauses.',
    tests: [
      'gpu-worker/tests/test_file_audio.py: test_without_a_pause',
      'gpu-worker/tests/test_file_audio.py: test_all_samples_are_in_the_parts',
    ],
  },
  {
    id: 'files.progress',
    sentence: 'Progress is what was really heard, names its stages, and never goes down.',
    tests: [
      'test/core/file-jobs.test.ts: progress is what was heard',
      'test/host/files.test.ts: a small mp3 is transcribed; its status tells the truth on the way',
    ],
  },
  {
    id: 'files.crashes',
    sentence: 'Whoever dies in the middle of a file, it completes, and no part is heard twice.',
    tests: [
      'test/host/files.test.ts: kill -9 of the worker in the middle of a file',
      'gpu-worker/tests/test_files.py: test_a_worker_that_ends_while_it_cuts',
      'gpu-worker/tests/test_files.py: test_what_a_killed_worker_left_on_the_disk',
      'test/host/files.test.ts: an engine that fails ends the job',
      'test/core/file-jobs.test.ts: everything said twice, and in any order, is the same',
    ],
  },
  {
    id: 'files.control',
    sentence: 'A job is cancelled in every state, retried without a new upload, and deleted with everything.',
    tests: [
      'test/host/files.test.ts: a job is cancelled in every state',
      'test/core/file-jobs.test.ts: a cancelled or deleted job leaves nothing',
      'test/core/file-jobs.test.ts: a part that is dead ends the job with its reason; a retry',
      'gpu-worker/tests/test_files.py: test_a_part_that_nobody_wants_any_more',
    ],
  },
  {
    id: 'files.once',
    sentence: 'The same content with the same options is not transcribed twice, within a user.',
    tests: [
      'test/host/files.test.ts: the same content is transcribed once',
      'test/core/file-jobs.test.ts: the same content with the same wishes',
      'test/core/file-jobs.test.ts: where the job that does the work %s',
    ],
  },
  {
    id: 'files.stuck',
    sentence: 'A job of which nothing moves is resumed or failed, never left; an upload that nobody finishes is given up.',
    tests: [
      'test/core/file-jobs.test.ts: a job of which nothing moves',
      'test/core/file-jobs.test.ts: an upload that nobody finishes',
    ],
  },
  {
    id: 'files.door',
    sentence: 'What cannot be transcribed is refused at the door in words for people; one request makes one job.',
    tests: [
      'test/handlers/jobs-api.test.ts: %s is refused at the door',
      'test/handlers/jobs-api.test.ts: the same key and request are one job',
      'test/handlers/jobs-api.test.ts: somebody else’s job is forbidden',
      'test/handlers/jobs-api.test.ts: too many open jobs',
    ],
  },
  {
    id: 'files.hostile',
    sentence: 'What is no audio fails as such, opens no other file and no socket, and takes no more memory than audio.',
    tests: [
      'test/host/files.test.ts: %s fails as unsupported media',
      'gpu-worker/tests/test_file_audio.py: test_what_is_no_audio',
      'gpu-worker/tests/test_file_audio.py: test_ten_hours_in_a_few_megabytes',
    ],
  },
  {
    id: 'files.live-first',
    sentence: 'Who records goes in front of files, also while one is being heard.',
    tests: [
      'gpu-worker/tests/test_files.py: test_a_recorder_goes_in_front',
      'gpu-worker/tests/test_gate.py: test_of_files_few_are_received_at_once',
    ],
  },
  {
    id: 'files.upload',
    sentence: 'Large files go up in parts that can be sent again one by one.',
    tests: [
      'test/handlers/jobs-api.test.ts: a large file goes up in parts',
      'test/host/files.test.ts: %s uploads a large file',
      'test/host/files.test.ts: a file whose sender never says',
      'test/handlers/jobs-api.test.ts: a job gets its id and an address',
    ],
  },
  {
    id: 'files.webhooks',
    sentence:
      'Users’ servers are told each end once, signed; who is down is tried again, and nobody can have an inner address called.',
    tests: [
      'test/host/webhooks.test.ts: the end of a file is told once',
      'test/host/webhooks.test.ts: the end of a session is told',
      'test/core/webhooks.test.ts: a receiver that is down is tried again',
      'test/core/webhooks.test.ts: %s is refused',
      'test/handlers/webhook-post.test.ts: what arrives is verified by the standard library',
      'test/handlers/webhook-post.test.ts: a public name that leads here is not connected to',
    ],
  },
  {
    id: 'files.examples',
    sentence: 'The examples for files do what their page says.',
    tests: ['test/host/files.test.ts: the example of the guide sends a file'],
  },
  {
    id: 'files.too-long',
    sentence: 'Work that takes longer than anything of its length may is given up.',
    tests: ['gpu-worker/tests/test_files.py: test_work_that_takes_too_long'],
  },
  {
    id: 'files.mail',
    sentence: 'Who wants to is told by mail that a file is transcribed, or could not be, once.',
    tests: ['test/core/file-jobs.test.ts: who wants to is told by mail'],
  },
  {
    id: 'files.numbers',
    sentence: 'Success rate, speed, age of what waits, stuck jobs and memory of the worker are counted and shown.',
    tests: [
      'test/core/file-jobs.test.ts: ends are counted once each',
      'test/core/file-jobs.test.ts: jobs that are stuck are listed',
      'test/handlers/gpu-api.test.ts: the overview says what runs',
    ],
  },
  {
    id: 'files.cli',
    sentence: 'A person transcribes files from the command line, sees how far they are, and goes on after Ctrl+C.',
    tests: ['test/host/cli.test.ts: files are transcribed from the command line'],
  },
];
