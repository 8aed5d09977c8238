/** Promised behaviors and the tests that prove them. test/repository/requirements.test.ts checks that the references resolve. */

import type { Requirement } from './requirement.ts';
import { boundaryRequirements } from './requirements-boundaries.ts';
import { deploymentRequirements } from './requirements-deployment.ts';
import { doorRequirements } from './requirements-doors.ts';
import { fileRequirements } from './requirements-files.ts';
import { languageRequirements } from './requirements-languages.ts';
import { modelRequirements } from './requirements-models.ts';
import { pageRequirements } from './requirements-pages.ts';
import { pressureRequirements } from './requirements-pressure.ts';
import { serviceRequirements } from './requirements-service.ts';
import { speechRequirements } from './requirements-speech.ts';

export const requirements: readonly Requirement[] = [
  ...boundaryRequirements,
  ...doorRequirements,
  ...fileRequirements,
  ...languageRequirements,
  ...modelRequirements,
  ...pageRequirements,
  ...pressureRequirements,
  ...serviceRequirements,
  ...speechRequirements,
  ...deploymentRequirements,
  {
    id: 'recording.order',
    sentence: 'Chunks may arrive in any order, more than once and with gaps. Nothing is lost, and nothing is transcribed twice.',
    tests: [
      'test/host/recording.test.ts: chunks uploaded in any order, one of them twice, become the whole text',
      'test/core/ingest.test.ts: repeated, late and reordered events create the same rows',
      'test/core/any-order.test.ts: uploads in any order, duplicates, late chunks',
      'test/core/assemble.test.ts: a late chunk is included, even above the chunk count given at Stop',
    ],
  },
  {
    id: 'recording.gaps',
    sentence: 'A missing chunk makes the transcript partial. The gap is listed, and later text keeps its times.',
    tests: [
      'test/host/recording.test.ts: a missing chunk makes the transcript partial with a gap',
      'test/core/join.test.ts: a missing or failed chunk makes the transcript partial and is listed',
      'test/core/join.test.ts: a missing chunk counts as 30 s, a decoded one as its real length',
    ],
  },
  {
    id: 'recording.real',
    sentence: 'The text is really computed from the audio: another recording has another text.',
    tests: [
      'test/host/recording.test.ts: another recording has another text',
      'gpu-worker/tests/test_engine.py: test_word_error_rate',
    ],
  },
  {
    id: 'recording.replace',
    sentence:
      'Other bytes for an existing chunk number are a conflict unless the client requests a replacement, which discards the old result.',
    tests: [
      'test/host/bad-input.test.ts: an existing chunk is not overwritten, and can be replaced with replace',
      'test/core/ingest.test.ts: another object with the same number is a conflict',
      'test/handlers/recording-api.test.ts: an existing chunk is a conflict',
    ],
  },
  {
    id: 'recording.stored-only',
    sentence: 'A session with live: false is only stored: no message is sent and no GPU is started, not even on complete.',
    tests: ['test/core/ingest.test.ts: chunks of a stored-only session get rows but no message and no machine,'],
  },
  {
    id: 'transcript.formats',
    sentence: 'Transcripts are available as json, txt, srt and vtt.',
    tests: [
      'test/core/formats.test.ts: %s equals the shared example (gpu-worker/tests reads it with another',
      'gpu-worker/tests/test_formats.py: test_srt_has_a_cue',
    ],
  },
  {
    id: 'transcript.ranges',
    sentence: 'The text of a time range has each word once, and its coverage is accurate.',
    tests: [
      'test/core/ranges.test.ts: adjacent ranges divide the words',
      'test/core/ranges.test.ts: coverage is between 0 and 1',
      'test/handlers/transcripts-api.test.ts: the text of a range is available during the recording',
    ],
  },
  {
    id: 'transcript.never-back',
    sentence: 'Concurrent assemblies end with a transcript of the newest rows.',
    tests: ['test/core/assemble.test.ts: an assembly that a newer one overtakes starts again and ends with the'],
  },
  {
    id: 'gpu.started-and-stopped',
    sentence: 'The GPU runs only while there is work, and its stop is confirmed.',
    tests: [
      'test/host/recording.test.ts: chunks uploaded in any order, one of them twice, become the whole text',
      'test/core/fleet.test.ts: a run joins, drains and stops the machine',
      'test/workflow/workflow.test.ts: every path after Start',
      'test/workflow/workflow.test.ts: removing any Catch is detected',
    ],
  },
  {
    id: 'gpu.never-under-somebody',
    sentence: 'No machine is stopped while it has a live holder, in any order of events.',
    tests: [
      'test/core/protocol.test.ts: in every history no stop hits a live holder',
      'test/core/fleet.test.ts: two runs that join and leave in every order, with a reaper pass anywhere',
      'test/core/fleet.test.ts: a stop that a run has decided blocks other runs until that run has',
      'test/core/fleet.test.ts: no run joins while a stop is in progress',
    ],
  },
  {
    id: 'gpu.no-lost-wish',
    sentence: 'A chunk that arrives while the last run leaves is served.',
    tests: [
      'test/core/fleet.test.ts: a run that has not seen the newest request looks for work again instead',
      'test/core/unserved.test.ts: a row that %s',
    ],
  },
  {
    id: 'gpu.reaper',
    sentence: 'The reaper removes a run that died and stops its machine.',
    tests: [
      'test/core/fleet.test.ts: one pass of the reaper removes a run that died and stops its machine',
      'test/core/fleet.test.ts: the reaper sends a decided stop that never reached EC2',
      'test/handlers/fleet.test.ts: the reaper sends a message and starts a run for unserved work',
    ],
  },
  {
    id: 'gpu.aborted',
    sentence: 'An aborted run leaves no machine running, and the next run does its work.',
    tests: [
      'test/host/runs.test.ts: after an active run is aborted, its machine is stopped and the next run does the work',
      'test/workflow/walker.test.ts: %s: after one pass of the reaper no machine runs',
      'test/workflow/walker.test.ts: a machine that an admin holds is never stopped',
    ],
  },
  {
    id: 'gpu.worker-stops-itself',
    sentence: 'A machine without a run shuts itself down. A worker that cannot start reports the reason and uses no attempt.',
    tests: [
      'gpu-worker/tests/test_process.py: test_a_machine_that_no_run_holds',
      'gpu-worker/tests/test_process.py: test_a_model_that_cannot_be_loaded',
      'gpu-worker/tests/test_run_tokens.py: test_a_worker_that_cannot_start_fails_the_run',
    ],
  },
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
    id: 'security.logs',
    sentence: 'Logs contain no transcript text, token or signed URL.',
    tests: [
      'test/host/recording.test.ts: logs contain no transcript text, token or signed URL',
      'test/template/template.test.ts: the logs of the workflow and the API cannot contain',
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
  {
    id: 'gpu.four-stoppers',
    sentence: 'Each of the four stoppers is sufficient on its own: the machine is stopped within three minutes, whatever fails.',
    tests: [
      'test/host/stoppers.test.ts: only Catch: a failing step stops the machine',
      'test/host/stoppers.test.ts: only the RunEnded rule',
      'test/host/stoppers.test.ts: only the reaper’s schedule',
      'test/host/stoppers.test.ts: only the worker',
      'test/host/stoppers.test.ts: a hanging worker is detected by its missing heartbeat, and the next one does its work',
      'test/host/stoppers.test.ts: a machine whose worker never becomes ready is stopped at the deadline',
      'test/host/stoppers.test.ts: a run that is aborted at %s',
      'test/template/template.test.ts: every alarm has an action',
    ],
  },
  {
    id: 'gpu.pool',
    sentence:
      'A large backlog uses several machines. Without capacity, the next machine is tried; without any, the work stays pending with the reason.',
    tests: [
      'test/host/gpu.test.ts: a large backlog uses several machines',
      'test/host/gpu.test.ts: without capacity for the preferred machine',
      'test/host/gpu.test.ts: without any capacity, work stays pending with the reason and without a failed attempt, and is done once there is capacity',
      'test/core/fleet.test.ts: a run takes as many machines as the work needs',
      'test/workflow/walker.test.ts: without capacity for the first machine',
      'test/handlers/recording-api.test.ts: pending work has the reason %s and a time',
    ],
  },
  {
    id: 'gpu.by-hand',
    sentence: 'An admin can hold a machine until a deadline. Nothing stops it during that time, and it stops when the hold ends.',
    tests: [
      'test/host/gpu.test.ts: a machine held by an admin keeps running without work and between runs',
      'test/core/fleet.test.ts: an admin holds a machine until the deadline',
      'test/handlers/gpu-api.test.ts: an admin starts a machine',
      'test/handlers/attack-matrix.test.ts: %s',
      'gpu-worker/tests/test_run_tokens.py: test_an_admin_needs_the_machine_until_a_deadline_and_a_run',
    ],
  },
  {
    id: 'gpu.budget',
    sentence: 'When the daily budget is spent, nothing is started. Work stays pending with the reason, and recording continues.',
    tests: [
      'test/host/gpu.test.ts: with the daily budget spent, no machine is started for runs or admins, and work stays pending with the reason',
      'test/core/fleet.test.ts: when the daily budget is spent, nothing is started until the next day',
    ],
  },
  {
    id: 'gpu.cost',
    sentence:
      'GPU time is the union of the running times that EC2 reports, divided among the sessions that were transcribed in it.',
    tests: [
      "test/host/gpu.test.ts: a session's cost is its share of EC2's running time",
      'test/core/ledger.test.ts: the running time is a union per machine',
      'test/core/ledger.test.ts: the shares of sessions add up to the whole and are proportional to',
      'test/core/ledger.test.ts: a launch that ended before it was observed is recorded from the times',
      'test/handlers/ec2-times.test.ts: the stop time is parsed from %s, if it contains one',
    ],
  },
  {
    id: 'events.lost',
    sentence: 'Repeated, late and lost events and lost responses delay work, but never cause wrong results.',
    tests: [
      'test/host/lost-and-repeated.test.ts: if S3 events are delivered %s, each chunk is transcribed once',
      'test/host/lost-and-repeated.test.ts: runs start and end without events of EC2 and Step Functions',
      'test/host/lost-and-repeated.test.ts: failing AWS calls',
    ],
  },
  {
    id: 'media.hostile',
    sentence: 'Hostile media open no other file and no socket, and cannot block the worker.',
    tests: [
      'test/host/bad-input.test.ts: chunks that are not audio fail permanently after one attempt with a reason',
      'gpu-worker/tests/test_media.py: test_text_that_names_another_file_does_not',
      'gpu-worker/tests/test_media.py: test_decoding_of_a_small_file_with_long',
      'gpu-worker/tests/test_media.py: test_a_file_on_which_the_decoder_hangs',
    ],
  },
  {
    id: 'security.tenants',
    sentence: "Access to another user's session is a 403 and changes nothing. Only tokens of the stage's own client are valid.",
    tests: [
      "test/host/bad-input.test.ts: another user's session is 403, an unknown one 404",
      'test/host/authorizer.test.ts: every call without a valid token',
      'test/host/authorizer.test.ts: tokens signed with the pool’s key and the ID token of the stage’s client are valid',
      "test/host/bad-input.test.ts: an object under another user's session does not change it",
      'test/handlers/attack-matrix.test.ts: the matrix covers all calls',
      'test/handlers/attack-matrix.test.ts: %s',
    ],
  },
  {
    id: 'security.template',
    sentence: 'Storage is private and encrypted, machines have no open ports, and permissions are minimal.',
    tests: [
      'test/template/quality.test.ts: cdk-nag has no finding',
      'test/template/template.test.ts: the machine has no open ports',
    ],
  },
  {
    id: 'host.life',
    sentence: 'Only one local host runs at a time. It keeps its recordings after kill -9 and leaves no process behind.',
    tests: [
      'test/host/lifecycle.test.ts: the host starts, runs only once, keeps recordings and an active batch run after kill -9, and leaves no process after Ctrl+C',
      'test/host/lifecycle.test.ts: of two concurrent starts, one runs and the other reports it',
      'test/host/lifecycle.test.ts: npm run demo explains how to start the host if none is running',
    ],
  },
  {
    id: 'host.sample',
    sentence:
      'The shipped sample is ordinary English by three speakers with known words, on which word error rates are measured.',
    tests: [
      'test/repository/sample.test.ts: the sample is about two minutes long',
      "test/repository/sample.test.ts: the sample's words are the words of its turns",
      "test/repository/sample.test.ts: the sample's text equals the script that it was made from",
      'test/repository/sample.test.ts: a wrong, a missing and an added word each count as one error',
      'test/repository/sample.test.ts: a different spelling is not a word error',
      'test/repository/sample.test.ts: different words are word errors',
      'test/repository/sample.test.ts: a recording without a reference text',
      'test/host/first-visit.test.ts: a first visit shows the sample',
      "test/host/first-visit.test.ts: npm run demo prints the sample's turns",
    ],
  },
  {
    id: 'host.loopback',
    sentence: 'The local host accepts only its own host names, and only requests of its own pages.',
    tests: [
      'test/host/lifecycle.test.ts: the pages and the API accept only local host names and their own origin',
      'test/host/closed.test.ts: both ports refuse foreign host names and origins by the same rule',
      'test/browser/foreign-page.test.ts: a foreign page reads nothing from any port by fetch',
      'test/browser/foreign-page.test.ts: a foreign page reads nothing by forms',
      'test/browser/foreign-page.test.ts: a host name that an attacker points to this machine reaches no port',
    ],
  },
  {
    id: 'host.secrets',
    sentence: 'Each home has its own keys and password. No page serves them, and no other user of the machine can read them.',
    tests: [
      "test/host/closed.test.ts: AWS calls that are not signed with a key of this home get AWS's errors",
      'test/host/closed.test.ts: unsigned requests that AWS serves are served',
      'test/host/closed.test.ts: the credentials of a function cannot be computed from its name',
      'test/host/closed.test.ts: when the host signs in a user with a new password, the old one stops working, as for the demo user of an older home',
      'test/host/closed.test.ts: an upload URL accepts only its own request',
      'test/host/closed.test.ts: other users of the machine cannot read the home',
      'test/browser/foreign-page.test.ts: nothing has changed, and the one-time address still signs in once',
      'test/core/one-time-code.test.ts: a one-time code is valid once and for a limited time',
    ],
  },
  {
    id: 'host.emulator',
    sentence: 'The local host adds the behavior that the product needs and the emulator lacks.',
    tests: [
      'test/host/emulator.test.ts: starting and stopping a machine takes time, is refused by state or capacity, updates its times, and a stop sends an event',
      'test/host/emulator.test.ts: a waiting task without heartbeats ends with States.HeartbeatTimeout',
      "test/host/emulator.test.ts: a function's error keeps its name",
    ],
  },
  {
    id: 'stores.contract',
    sentence: 'The memory and DynamoDB stores behave the same.',
    tests: [
      'test/contracts/store-suites.ts: of two new rows with one chunk number',
      'test/contracts/messages.test.ts: a new chunk row equals',
    ],
  },
  {
    id: 'keys',
    sentence: 'The server builds every key, and no other key is parsed as a chunk.',
    tests: [
      'test/core/keys.test.ts: parsing a chunk key returns what it was built from',
      'test/core/keys.test.ts: %s is not a chunk key',
    ],
  },
  {
    id: 'code.rooms',
    sentence: 'Rooms import only what their rules allow.',
    tests: ['test/repository/import-rules.test.ts: a planted violation of %s is reported'],
  },
  {
    id: 'session.deleted',
    sentence: 'A deleted session loses its audio, results and rows, and nothing of it appears afterwards.',
    tests: [
      'test/handlers/sessions-api.test.ts: deleting a session deletes its audio, results and rows',
      'test/handlers/sessions-api.test.ts: uploads and worker results that arrive after the deletion of their session are removed',
      'test/core/assemble.test.ts: a session that is deleted while its transcript is written has no',
      'test/host/sessions.test.ts: a session deleted during its transcription does not reappear',
    ],
  },
  {
    id: 'session.abandoned',
    sentence:
      'A recording that is never stopped is closed automatically half an hour after its last chunk. Later chunks still count.',
    tests: [
      'test/handlers/sessions-api.test.ts: an abandoned recording is completed with the received chunks',
      'test/host/sessions.test.ts: the session of a dead recorder is completed automatically, and its uploaded chunks are transcribed',
    ],
  },
  {
    id: 'session.live',
    sentence: 'A live recording starts the GPU when it begins, and its text can be read while it grows.',
    tests: [
      'test/handlers/sessions-api.test.ts: a live session starts the GPU',
      'test/handlers/transcripts-api.test.ts: the transcript grows during the recording and lists pending chunks as gaps',
      'test/handlers/transcripts-api.test.ts: a request with the current ETag returns 304',
      'test/host/sessions.test.ts: the transcript grows during the recording',
    ],
  },
  {
    id: 'session.flat',
    sentence: 'The number of results that are read at the end of a recording does not grow with its length.',
    tests: ['test/core/assemble.test.ts: results are bundled during the recording'],
  },
  {
    id: 'session.many',
    sentence: "Many recordings of several users can run at once, and no user sees another's.",
    tests: ['test/host/sessions.test.ts: ten concurrent recordings of three users'],
  },
  {
    id: 'chunk.retry',
    sentence: 'A permanently failed chunk can be retried, and a range can be transcribed at once.',
    tests: [
      'test/handlers/sessions-api.test.ts: retrying a permanently failed chunk gives it three new attempts in the lane stop',
      'test/handlers/sessions-api.test.ts: a range request moves pending chunks to the lane stop and retries permanently failed ones',
      'test/host/sessions.test.ts: a permanently failed chunk can be retried, and a range requested',
    ],
  },
  {
    id: 'chunk.overlap',
    sentence: 'Overlapping chunks are joined without repeated, lost or cut words.',
    tests: [
      'test/core/boundary.test.ts: chunks that share more than one word give each word once and whole',
      'test/core/boundary.test.ts: chunks that overlap by a second or more, without lead-ins',
      'test/core/boundary.test.ts: chunks that overlap by less than a word lose and repeat no word',
      'test/host/sessions.test.ts: overlapping chunks become a text without duplicated or cut words',
    ],
  },
  {
    id: 'corrections',
    sentence: 'Corrections and target words apply to all text of a user, including existing text, without another transcription.',
    tests: [
      'test/core/corrections.test.ts: new rules reach all chunks of the user in slices, without another transcription',
      'test/core/corrections.test.ts: patterns with exponential time in other engines take linear time',
      'test/handlers/transcripts-api.test.ts: corrections such as %j are refused',
      'test/host/sessions.test.ts: the transcript grows during the recording',
    ],
  },
  {
    id: 'speakers',
    sentence:
      'Diarized segments get their text, and each word is used at most once. A stage with a speaker model detects the speakers itself.',
    tests: [
      'test/handlers/transcripts-api.test.ts: speaker turns get their text',
      'test/handlers/sessions-api.test.ts: diarization is refused if the stage has no speaker model',
      'test/core/voices.test.ts: each person gets one name, in the order of their first segments',
      'test/core/voices.test.ts: one person has one name in all chunks',
      'gpu-worker/tests/test_speakers.py: test_segments_of_one_voice_are_closer_than',
      'gpu-worker/tests/test_speakers.py: test_a_missing_or_invalid_speaker',
    ],
  },
  {
    id: 'chunk.stream-pieces',
    sentence: 'Pieces of one stream, of which only the first has a header, are transcribed without loss at their boundaries.',
    tests: [
      'gpu-worker/tests/test_media.py: test_pieces_of_a_stream_cut_at_any_byte',
      'gpu-worker/tests/test_crash_matrix.py: test_pieces_of_one_stream_are_all_transcribed',
      'test/host/sessions.test.ts: pieces of one stream',
    ],
  },
  {
    id: 'cache.same-bytes',
    sentence: 'The same bytes of the same user are not transcribed twice.',
    tests: [
      'gpu-worker/tests/test_crash_matrix.py: test_the_same_bytes_in_another_session',
      'test/host/sessions.test.ts: the same bytes in another session',
    ],
  },
  {
    id: 'transcript.nothing-invented',
    sentence: 'Loops and speech without words are decoded again, then cut or listed. Spoken repetition is kept.',
    tests: [
      'gpu-worker/tests/test_engine.py: test_a_window_that_loops_is_decoded_with_other_settings',
      'gpu-worker/tests/test_engine.py: test_a_persistent_loop_is_cut_off_where',
      'gpu-worker/tests/test_engine.py: test_words_after_an_early_end',
      'gpu-worker/tests/test_engine.py: test_speech_without_recognized_words_is_listed',
      'gpu-worker/tests/test_coverage.py: test_a_group_repeated_too_fast_is_a_loop_that_starts',
      'gpu-worker/tests/test_coverage.py: test_a_stretched_word_covers_only_its_longest',
      'gpu-worker/tests/test_repetition.py: test_a_word_at_a_steady_tempo_is_counted_by_the_audio',
      'gpu-worker/tests/test_patching.py: test_words_before_a_stretched_one_are_filled_in',
      'gpu-worker/tests/test_patching.py: test_known_words_are_not_added_again',
    ],
  },
  {
    id: 'api.described',
    sentence:
      'The API description is generated from the schemas that parse its requests. The served document is up to date and complete.',
    tests: [
      'test/repository/openapi.test.ts: docs/openapi.json is up to date',
      'test/repository/openapi.test.ts: the document has exactly the routes of the template',
      'test/repository/openapi.test.ts: every operation has a unique id and a declared tag',
      'test/repository/documents.test.ts: docs/%s is up to date: node scripts/launch.mjs scripts/documents.ts writes it',
    ],
  },
  {
    id: 'clients.examples',
    sentence: 'The recorder examples in the docs work as described.',
    tests: ['test/host/sessions.test.ts: the %s example of docs/recording-clients.md'],
  },
  {
    id: 'transcript.edits',
    sentence: "Edits replace transcribed words, stay after a retranscription, and are not overwritten by another client's edits.",
    tests: [
      'test/handlers/transcripts-api.test.ts: edits replace the transcribed words, are not corrected, and persist when the chunk is retranscribed',
      'test/handlers/transcripts-api.test.ts: of two edits of the same version, the second is refused and nothing is lost',
    ],
  },
  {
    id: 'transcript.player',
    sentence: 'A player gets the audio with its positions in time, and the waveform.',
    tests: [
      "test/handlers/transcripts-api.test.ts: audio URLs are listed in pages, with the chunks' positions in time",
      'test/handlers/transcripts-api.test.ts: the waveform has the highest peak of each interval, and zero for unknown audio',
      'gpu-worker/tests/test_media.py: test_a_waveform_has_the_loudest_sample',
    ],
  },
  {
    id: 'api.quota',
    sentence:
      'A flood of calls by one user gets 429 with Retry-After, which our clients obey, and affects no other user. Five times the maximum calls of our own pages are never refused.',
    tests: [
      'test/handlers/recording-api.test.ts: a flood by one user is limited until the minute ends',
      'test/handlers/limits.test.ts: a flood of reads by one user gets a 429, and works again after Retry-After',
      'test/handlers/limits.test.ts: retries, completions and corrections of one user',
      'test/handlers/limits.test.ts: every call that changes something is counted',
      'test/web/rates.test.ts: five times the maximum calls of our own pages are never rejected',
      'test/web/rates.test.ts: five recorders of one user that come back online can upload two hours each within a minute',
      'test/web/follow.test.ts: a page waits at least Retry-After before the next poll',
      'test/cli/too-many.test.ts: the command line and the MCP server wait',
      'test/cli/too-many.test.ts: the number of retries is limited, and a used-up quota is not retried',
      'test/template/template.test.ts: the rate of the whole API is a parameter',
    ],
  },
  {
    id: 'api.lists',
    sentence:
      'Every page of a list but the last is full, even if rows in between are deleted or filtered, and cursors skip no row.',
    tests: [
      'test/handlers/lists.test.ts: if the newest 55 recordings are deleted, the first page has the remaining ones',
      'test/handlers/lists.test.ts: if the newest 55 files are deleted or in another state, the first page has the remaining ones',
      'test/handlers/lists.test.ts: the first page of reports skips newer dry runs',
      'test/handlers/lists.test.ts: the pages of a list are full and contain each row once in order, with %d rows per DynamoDB page',
      'test/handlers/lists.test.ts: a list with almost only deleted recordings makes a bounded number of queries per page, and can be continued',
      'test/handlers/lists.test.ts: the cursor %s is refused',
    ],
  },
  {
    id: 'api.held',
    sentence:
      'Markup in any text stays plain text in every response and page. Concurrent uploads with duplicates and gaps create one row per chunk.',
    tests: [
      'test/handlers/held.test.ts: %j in any text of a recording is returned as plain text in every format',
      'test/handlers/held.test.ts: %j as the name and prompt of a file is returned as JSON',
      'test/handlers/held.test.ts: the pages never interpret text as markup or code',
      'test/handlers/held.test.ts: 200 chunks of 8 concurrent clients, with duplicates and holes, become one row each, and the holes are listed',
      'test/host/bad-input.test.ts: an upload URL is valid only for its key, headers and lifetime',
    ],
  },
  {
    id: 'transcript.silence',
    sentence: 'Silence, noise, a tone and music result in no words, a complete session, and no further start of the GPU.',
    tests: [
      'test/host/sessions.test.ts: silence, noise, a tone and music',
      'gpu-worker/tests/test_engine.py: test_audio_without_speech_has_no_words',
    ],
  },
  {
    id: 'api.owner',
    sentence: 'Only the owner of a session and admins can call its routes. A deleted session is reported as deleted.',
    tests: [
      'test/handlers/attack-matrix.test.ts: %s',
      'test/handlers/sessions-api.test.ts: %s returns 404 for an unknown session',
    ],
  },
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
      'test/core/batch-run.test.ts: one run transcribes and reports pending chunks',
      'test/host/batch.test.ts: deleted results are restored unchanged in one reported run, which also transcribes chunks whose event was lost or that an older recorder left',
      'test/core/batch-run.test.ts: sessions of older clients are found in any folder',
      'test/core/batch-run.test.ts: a pending row that is missing in the index is put back',
      'test/core/batch-run.test.ts: above a thousand sessions, a scheduled run scans two days',
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
