/** Promised behaviours and the tests that show them; test/repository/requirements.test.ts proves that both agree. */

import type { Requirement } from './requirement.ts';
import { deploymentRequirements } from './requirements-deployment.ts';
import { fileRequirements } from './requirements-files.ts';
import { pageRequirements } from './requirements-pages.ts';
import { serviceRequirements } from './requirements-service.ts';

export const requirements: readonly Requirement[] = [
  ...fileRequirements,
  ...pageRequirements,
  ...serviceRequirements,
  ...deploymentRequirements,
  {
    id: 'recording.order',
    sentence: 'Chunks come in any order, more than once, with holes; nothing is lost and nothing is transcribed twice.',
    tests: [
      'test/host/recording.test.ts: chunks in any order, one of them twice, become the whole text',
      'test/core/ingest.test.ts: events twice, late and in any order make the same rows',
      'test/core/any-order.test.ts: any order, duplicates, holes that are filled late',
      'test/core/assemble.test.ts: a late chunk is taken in',
    ],
  },
  {
    id: 'recording.gaps',
    sentence: 'A hole makes the transcript partial, with the hole listed and its place in time kept.',
    tests: [
      'test/host/recording.test.ts: a missing chunk makes the transcript partial with the gap',
      'test/core/join.test.ts: any hole makes it partial',
      'test/core/join.test.ts: a missing chunk takes 30 s',
    ],
  },
  {
    id: 'recording.real',
    sentence: 'The text is really computed: another recording gives another text.',
    tests: [
      'test/host/recording.test.ts: another recording gives another text',
      'gpu-worker/tests/test_engine.py: test_word_error_rate',
    ],
  },
  {
    id: 'recording.replace',
    sentence: 'New bytes for a number are a conflict unless asked for; then the old result goes.',
    tests: [
      'test/host/bad-input.test.ts: a chunk that is there is not overwritten',
      'test/core/ingest.test.ts: other bytes for a number are a conflict',
      'test/handlers/recording-api.test.ts: a chunk that is there is a conflict',
    ],
  },
  {
    id: 'recording.stored-only',
    sentence: 'A session with live: false is only stored: no message, no GPU, also on complete.',
    tests: ['test/core/ingest.test.ts: a session that is only stored gets its row'],
  },
  {
    id: 'transcript.formats',
    sentence: 'Transcripts come as json, txt, srt and vtt.',
    tests: [
      'test/core/formats.test.ts: %s is written as the shared example says',
      'gpu-worker/tests/test_formats.py: test_srt_has_a_cue',
    ],
  },
  {
    id: 'transcript.ranges',
    sentence: 'Text of a time range has each word once, and real coverage.',
    tests: [
      'test/core/ranges.test.ts: ranges that touch divide the words between them',
      'test/core/ranges.test.ts: coverage is between 0 and 1',
      'test/handlers/transcripts-api.test.ts: text of a range',
    ],
  },
  {
    id: 'transcript.never-back',
    sentence: 'Assemblies at the same time end with the newest rows.',
    tests: ['test/core/assemble.test.ts: an assembly that was overtaken'],
  },
  {
    id: 'gpu.started-and-stopped',
    sentence: 'The GPU runs only while there is work, and is confirmed stopped afterwards.',
    tests: [
      'test/host/recording.test.ts: chunks in any order, one of them twice, become the whole text; then the machine is stopped',
      'test/core/fleet.test.ts: a run joins, is done, stops the machine',
      'test/workflow/workflow.test.ts: after Start every way out',
      'test/workflow/workflow.test.ts: taking any one Catch away is found',
    ],
  },
  {
    id: 'gpu.never-under-somebody',
    sentence: 'No stop hits a live holder, in any order of events.',
    tests: [
      'test/core/protocol.test.ts: in every history no stop hits a living holder',
      'test/core/fleet.test.ts: two runs that join and leave in every order',
      'test/core/fleet.test.ts: a stop that a run has decided keeps everybody out',
      'test/core/fleet.test.ts: nobody joins while a stop is under way',
    ],
  },
  {
    id: 'gpu.no-lost-wish',
    sentence: 'A chunk that arrives while the last run leaves is served.',
    tests: [
      'test/core/fleet.test.ts: a run that has not seen the newest wish looks again',
      'test/core/unserved.test.ts: a row that %s',
    ],
  },
  {
    id: 'gpu.reaper',
    sentence: 'A run that died is cleaned up by the reaper, and its machine is stopped.',
    tests: [
      'test/core/fleet.test.ts: a run that died is forgotten',
      'test/core/fleet.test.ts: a decided stop that never reached EC2',
      'test/handlers/fleet.test.ts: the reaper gives work that nobody serves',
    ],
  },
  {
    id: 'gpu.aborted',
    sentence: 'A run that is aborted leaves no machine running, and its work is done by the next one.',
    tests: [
      'test/host/runs.test.ts: a run that is aborted while it works',
      'test/workflow/walker.test.ts: %s: after one pass of the reaper no machine runs',
      'test/workflow/walker.test.ts: a machine that somebody else holds is never stopped',
    ],
  },
  {
    id: 'gpu.worker-stops-itself',
    sentence: 'A machine that no run holds switches itself off; one that cannot start says why and burns no attempt.',
    tests: [
      'gpu-worker/tests/test_process.py: test_a_machine_that_no_run_holds',
      'gpu-worker/tests/test_process.py: test_a_model_that_cannot_be_loaded',
      'gpu-worker/tests/test_run_tokens.py: test_a_worker_that_cannot_start_fails_the_run',
    ],
  },
  {
    id: 'worker.killed',
    sentence: 'Kill -9 of the worker: only what it held is done again, after its lease; nothing lost, nothing billed twice.',
    tests: [
      'test/host/recording.test.ts: kill -9 of the worker in the middle',
      'gpu-worker/tests/test_chunk_rows.py: test_a_zombie_whose_lease_was_taken_over_writes_nothing',
      'gpu-worker/tests/test_chunk_rows.py: test_a_commit_writes_row_and_ledger_together',
      'gpu-worker/tests/test_crash_matrix.py: test_a_worker_that_ends_here_is_followed_by_one',
      'gpu-worker/tests/test_crash_matrix.py: test_what_a_killed_worker_held_is_given_back',
    ],
  },
  {
    id: 'worker.zombie',
    sentence: 'A worker that slept past its lease writes nothing when it wakes.',
    tests: [
      'gpu-worker/tests/test_crash_matrix.py: test_a_worker_that_sleeps_here_past_its_lease',
      'gpu-worker/tests/test_chunk_rows.py: test_a_zombie_whose_lease_was_taken_over_writes_nothing',
    ],
  },
  {
    id: 'worker.stopped',
    sentence: 'SIGTERM finishes or releases what the worker holds; a commanded stop costs no attempt.',
    tests: [
      'test/host/recording.test.ts: SIGTERM to the worker in the middle',
      'gpu-worker/tests/test_chunk_rows.py: test_what_is_released_costs_no_attempt',
    ],
  },
  {
    id: 'security.logs',
    sentence: 'No transcript text, token or signed address goes into logs.',
    tests: [
      'test/host/recording.test.ts: no text, token or signed address is in any log',
      'test/template/template.test.ts: no transcript, token or signed address can get into the logs',
    ],
  },
  {
    id: 'worker.poison',
    sentence: 'A chunk is tried at most three times, then it is dead with its reason.',
    tests: ['gpu-worker/tests/test_chunk_rows.py: test_failures_wait_longer'],
  },
  {
    id: 'worker.suspects',
    sentence:
      'After a death of the worker what it held goes alone; only deaths alone count, the second is the end; stops on purpose never count.',
    tests: [
      'gpu-worker/tests/test_chunk_rows.py: test_a_death_among_other_chunks_makes_a_suspect',
      'gpu-worker/tests/test_chunk_rows.py: test_the_second_death_alone_is_the_chunks_own',
      'gpu-worker/tests/test_chunk_rows.py: test_a_machine_that_was_stopped_on_purpose',
      'gpu-worker/tests/test_chunk_rows.py: test_what_the_worker_cannot_go_on_with_is_blamed',
      'gpu-worker/tests/test_claim_protocol.py: test_a_chunk_that_kills_every_worker_is_dead',
      'gpu-worker/tests/test_claim_protocol.py: test_stops_that_were_commanded_never',
      'gpu-worker/tests/test_crash_matrix.py: test_kills_from_outside_are_not_the_chunks_deaths',
      'gpu-worker/tests/test_crash_matrix.py: test_ends_of_the_workers_own_making_are_the_chunks_deaths',
    ],
  },
  {
    id: 'worker.claims',
    sentence: 'No order of claims, deaths, stops and new bytes loses a chunk, commits it twice, or changes a result.',
    tests: ['gpu-worker/tests/test_claim_protocol.py: test_no_state_of_the_row_can_be_reached'],
  },
  {
    id: 'worker.machine-faults',
    sentence:
      'A full disk, a model that does not load, a machine that is taken away: no attempt is burnt, claiming stops, the reason is told.',
    tests: [
      'test/host/lost-and-repeated.test.ts: a machine that cannot work says why',
      'test/host/lost-and-repeated.test.ts: a spot machine that EC2 takes away',
      'gpu-worker/tests/test_process.py: test_a_full_disk_fails_the_run_by_name',
      'gpu-worker/tests/test_crash_matrix.py: test_out_of_memory_once_costs_no_attempt',
      'gpu-worker/tests/test_crash_matrix.py: test_a_chunk_that_takes_all_memory',
      'gpu-worker/tests/test_crash_matrix.py: test_a_process_that_has_done_enough',
      'gpu-worker/tests/test_process.py: test_a_machine_that_ec2_takes_away',
    ],
  },
  {
    id: 'gpu.four-stoppers',
    sentence: 'Each of the four stoppers is enough alone: stopped within three minutes, whatever breaks.',
    tests: [
      'test/host/stoppers.test.ts: Catch alone',
      'test/host/stoppers.test.ts: the rule on the end of an execution alone',
      'test/host/stoppers.test.ts: the reaper’s minute alone',
      'test/host/stoppers.test.ts: the worker alone',
      'test/host/stoppers.test.ts: a worker that hangs is found',
      'test/host/stoppers.test.ts: a machine whose worker never gets ready',
      'test/host/stoppers.test.ts: a run that is aborted at %s',
      'test/template/template.test.ts: every alarm tells somebody',
    ],
  },
  {
    id: 'gpu.pool',
    sentence: 'Much work takes more machines; lack of capacity takes the next one, then the work waits and says so.',
    tests: [
      'test/host/gpu.test.ts: much work takes more machines',
      'test/host/gpu.test.ts: without capacity for the preferred machine',
      'test/host/gpu.test.ts: without any capacity the work waits and says so',
      'test/core/fleet.test.ts: a run takes as many machines as the work needs',
      'test/workflow/walker.test.ts: without capacity for the first machine',
      'test/handlers/recording-api.test.ts: work that waits for %s says so',
    ],
  },
  {
    id: 'gpu.by-hand',
    sentence: 'An admin holds a machine until a deadline; nothing stops it under them, and it stops when they let go.',
    tests: [
      'test/host/gpu.test.ts: an admin holds a machine without any work',
      'test/core/fleet.test.ts: a person holds a machine until their deadline',
      'test/handlers/gpu-api.test.ts: an admin starts a machine',
      'test/handlers/gpu-api.test.ts: nobody else may',
      'gpu-worker/tests/test_run_tokens.py: test_a_person_needs_the_machine_until_their_deadline',
    ],
  },
  {
    id: 'gpu.budget',
    sentence: 'With the budget of the day spent nothing is started; work stays pending and says so; the recorder goes on.',
    tests: [
      'test/host/gpu.test.ts: with the budget of the day spent',
      'test/core/fleet.test.ts: with the budget of the day spent',
    ],
  },
  {
    id: 'gpu.cost',
    sentence: 'GPU time is the union of the times that EC2 says its machines ran, shared by what was transcribed in it.',
    tests: [
      'test/host/gpu.test.ts: a session bears its share',
      'test/core/ledger.test.ts: the running time is a union',
      'test/core/ledger.test.ts: shares of sessions always sum up to the whole',
      'test/core/ledger.test.ts: a launch that was over before anybody looked',
      'test/handlers/ec2-times.test.ts: %s tells when the machine stopped',
    ],
  },
  {
    id: 'events.lost',
    sentence: 'Events twice, late or never, and answers lost on their way: slower, never wrong.',
    tests: [
      'test/host/lost-and-repeated.test.ts: S3 tells of each chunk %s',
      'test/host/lost-and-repeated.test.ts: EC2 and Step Functions tell of nothing',
      'test/host/lost-and-repeated.test.ts: calls are answered by an error',
    ],
  },
  {
    id: 'media.hostile',
    sentence: 'Hostile media open no other file and no socket, and cannot hold the worker.',
    tests: [
      'test/host/bad-input.test.ts: files that are no audio are dead with their reason',
      'gpu-worker/tests/test_media.py: test_text_that_names_a_neighbouring_file',
      'gpu-worker/tests/test_media.py: test_a_small_file_that_holds_hours',
      'gpu-worker/tests/test_media.py: test_a_file_on_which_the_decoder_hangs',
    ],
  },
  {
    id: 'security.tenants',
    sentence: "Somebody else's session is a 403 and unharmed; only tokens of our own client count.",
    tests: [
      "test/host/bad-input.test.ts: somebody else's session is 403",
      'test/host/bad-input.test.ts: tokens that are altered, unsigned or garbage',
      'test/host/bad-input.test.ts: a token of another client',
      'test/host/bad-input.test.ts: bytes under a session of somebody else',
      'test/handlers/recording-api.test.ts: %s is a 401',
    ],
  },
  {
    id: 'security.template',
    sentence: 'Storage is private and encrypted, the machine has no way in, rights are narrow.',
    tests: ['test/template/quality.test.ts: cdk-nag has no finding', 'test/template/template.test.ts: the machine has no way in'],
  },
  {
    id: 'host.life',
    sentence: 'The local host starts once, survives kill -9 with what was recorded, and leaves nothing behind.',
    tests: [
      'test/host/lifecycle.test.ts: it gets ready, is there once',
      'test/host/lifecycle.test.ts: of two that start at once',
      'test/host/lifecycle.test.ts: npm run demo says how to start',
    ],
  },
  {
    id: 'host.loopback',
    sentence: 'The local host answers only by its own name, and only to its own pages.',
    tests: ['test/host/lifecycle.test.ts: the pages and their API are for this machine'],
  },
  {
    id: 'host.emulator',
    sentence: 'What the emulator lacks and the product needs is closed.',
    tests: [
      'test/host/emulator.test.ts: a machine takes its time',
      'test/host/emulator.test.ts: a waiting task whose worker says nothing',
      "test/host/emulator.test.ts: a function's error keeps its name",
    ],
  },
  {
    id: 'stores.contract',
    sentence: 'The stores do the same in memory and in DynamoDB.',
    tests: [
      'test/contracts/store-suites.ts: of two first rows of a number',
      'test/contracts/messages.test.ts: a first chunk row is the one',
    ],
  },
  {
    id: 'keys',
    sentence: 'The server builds every key, and nothing else is taken for a chunk.',
    tests: ['test/core/keys.test.ts: a chunk key reads back', 'test/core/keys.test.ts: %s is no chunk'],
  },
  {
    id: 'code.rooms',
    sentence: 'Rooms import only what they may.',
    tests: ['test/repository/import-rules.test.ts: a planted violation of %s is found'],
  },
  {
    id: 'model.choice',
    sentence: 'Without a model hub the first start goes on with the demo model, at once and without a word of error.',
    tests: [
      'gpu-worker/tests/test_models.py: test_without_a_hub',
      'gpu-worker/tests/test_models.py: test_a_published_model',
      'gpu-worker/tests/test_models.py: test_a_hub_that_fails',
    ],
  },
  {
    id: 'session.deleted',
    sentence: 'A deleted session is gone with its audio, results and rows, and nothing of it appears afterwards.',
    tests: [
      'test/handlers/sessions-api.test.ts: what is deleted is gone',
      'test/handlers/sessions-api.test.ts: an upload that was on its way',
      'test/core/assemble.test.ts: a session that is deleted while its transcript is written',
      'test/host/sessions.test.ts: what was deleted in the middle of the work never comes back',
    ],
  },
  {
    id: 'session.abandoned',
    sentence:
      'A recording that nobody stops is closed by itself half an hour after its last chunk; what comes later still counts.',
    tests: [
      'test/handlers/sessions-api.test.ts: a recording of which nothing is heard is closed',
      'test/host/sessions.test.ts: a recorder that dies',
    ],
  },
  {
    id: 'session.live',
    sentence: 'A live recording starts the GPU as it begins, and its text can be read while it grows.',
    tests: [
      'test/handlers/sessions-api.test.ts: a live session starts the GPU',
      'test/handlers/transcripts-api.test.ts: the text grows while the recording runs',
      'test/handlers/transcripts-api.test.ts: who has the newest text already',
      'test/host/sessions.test.ts: the text grows while the recording runs',
    ],
  },
  {
    id: 'session.flat',
    sentence: 'What is read at the end of a recording does not grow with its length.',
    tests: ['test/core/assemble.test.ts: results are put together while the recording runs'],
  },
  {
    id: 'session.many',
    sentence: 'Many recordings of several people at once are all right, and nobody sees another’s.',
    tests: ['test/host/sessions.test.ts: ten recordings of three people at once'],
  },
  {
    id: 'chunk.retry',
    sentence: 'A person can have a dead chunk tried again, and a range transcribed at once.',
    tests: [
      'test/handlers/sessions-api.test.ts: a dead chunk gets three new attempts',
      'test/handlers/sessions-api.test.ts: a range is transcribed at once',
      'test/host/sessions.test.ts: a dead chunk can be replaced or tried again',
    ],
  },
  {
    id: 'chunk.overlap',
    sentence: 'Chunks that overlap are joined without doubled, lost or cut words.',
    tests: [
      'test/core/seam.test.ts: chunks that overlap by more than a word',
      'test/core/seam.test.ts: chunks that overlap by less than a word',
      'test/host/sessions.test.ts: chunks that overlap become a text',
    ],
  },
  {
    id: 'corrections',
    sentence:
      'Corrections and target words apply to all of a user’s text, also what is there already, without another transcription.',
    tests: [
      'test/core/corrections.test.ts: new rules reach every chunk of the user',
      'test/core/corrections.test.ts: patterns that take other engines for ever',
      'test/handlers/transcripts-api.test.ts: corrections such as %j are refused',
      'test/host/sessions.test.ts: the text grows while the recording runs',
    ],
  },
  {
    id: 'speakers',
    sentence: 'Diarized segments get their text, each word at most once; a stage with a speaker model finds the speakers itself.',
    tests: [
      'test/handlers/transcripts-api.test.ts: speaker turns get their text',
      'test/handlers/sessions-api.test.ts: speakers are found only where the stage has a model',
      'test/core/voices.test.ts: segments of one person get one name',
      'test/core/voices.test.ts: one person has one name in all chunks',
      'gpu-worker/tests/test_speakers.py: test_segments_of_one_voice_are_nearer',
      'gpu-worker/tests/test_speakers.py: test_a_model_that_is_not_there',
    ],
  },
  {
    id: 'chunk.stream-pieces',
    sentence: 'Pieces of one stream, of which only the first has a header, are transcribed without loss at the joins.',
    tests: [
      'gpu-worker/tests/test_media.py: test_pieces_of_a_stream_cut_at_any_byte',
      'gpu-worker/tests/test_crash_matrix.py: test_pieces_of_one_stream_become_its_text',
      'test/host/sessions.test.ts: pieces of one stream',
    ],
  },
  {
    id: 'cache.same-bytes',
    sentence: 'The same bytes of the same user cost no second transcription.',
    tests: [
      'gpu-worker/tests/test_crash_matrix.py: test_the_same_bytes_in_another_session',
      'test/host/sessions.test.ts: the same bytes in another session',
    ],
  },
  {
    id: 'transcript.nothing-invented',
    sentence: 'Loops and speech without words are decoded once more, then cut or listed; no word is without times.',
    tests: [
      'gpu-worker/tests/test_engine.py: test_a_window_that_loops_or_gives_no_words',
      'gpu-worker/tests/test_engine.py: test_speech_in_which_no_words_are_found_twice',
      'gpu-worker/tests/test_engine.py: test_a_loop_that_comes_twice',
      'gpu-worker/tests/test_engine.py: test_text_without_times',
      'gpu-worker/tests/test_segments.py: test_a_group_that_comes_again_and_again',
    ],
  },
  {
    id: 'api.described',
    sentence: 'The API is described by the schemas it parses with; the document is served and true.',
    tests: [
      'test/repository/openapi.test.ts: docs/openapi.json is what the schemas make now',
      'test/repository/openapi.test.ts: the document has exactly the routes of the template',
    ],
  },
  {
    id: 'clients.examples',
    sentence: 'The examples for recorders do what their page says.',
    tests: ['test/host/sessions.test.ts: the %s example of docs/recording-clients.md'],
  },
  {
    id: 'transcript.edits',
    sentence: 'A person’s edits lie over the transcript, survive new transcription, and are not lost to another person’s.',
    tests: [
      'test/handlers/transcripts-api.test.ts: edits take the place of what was heard',
      'test/handlers/transcripts-api.test.ts: of two who edit one version',
    ],
  },
  {
    id: 'transcript.player',
    sentence: 'A player gets the audio with its place in time, and the waveform.',
    tests: [
      'test/handlers/transcripts-api.test.ts: the audio of the chunks is read',
      'test/handlers/transcripts-api.test.ts: the waveform has the loudest peak',
      'gpu-worker/tests/test_media.py: test_a_waveform_has_the_loudest_sample',
    ],
  },
  {
    id: 'api.quota',
    sentence: 'A flood of calls of one user is answered by 429 with Retry-After, and hurts nobody else.',
    tests: ['test/handlers/recording-api.test.ts: a flood of one user is stopped'],
  },
  {
    id: 'transcript.silence',
    sentence: 'Silence, noise, a tone and music give no words, a complete session, and no further start of the GPU.',
    tests: [
      'test/host/sessions.test.ts: silence, noise, a tone and music',
      'gpu-worker/tests/test_engine.py: test_where_nobody_speaks_there_are_no_words',
    ],
  },
  {
    id: 'api.owner',
    sentence: 'Every call about a session is its owner’s and admins’ alone; a deleted session says so.',
    tests: ['test/handlers/sessions-api.test.ts: %s: somebody else'],
  },
  {
    id: 'batch.lock',
    sentence: 'A recording holds the batch back, for as long as it renews and twelve hours at most; only its owner lets it go.',
    tests: [
      'test/core/lock.test.ts: a lock is of one session for half an hour',
      'test/core/lock.test.ts: a recording of two hours that renews keeps its lock',
      'test/core/lock.test.ts: each uploaded chunk renews the lock',
      'test/core/lock.test.ts: one session cannot hold the batch back',
      'test/core/lock.test.ts: whatever recorders do',
      'test/handlers/batch-api.test.ts: a recorder locks, renews and unlocks',
      'gpu-worker/tests/test_gate.py: test_while_somebody_records_no_backlog_is_claimed',
      'gpu-worker/tests/test_gate.py: test_a_paused_backlog_is_not_even_received',
    ],
  },
  {
    id: 'batch.turn',
    sentence: 'A batch that was held back for six hours goes ahead behind the recordings.',
    tests: [
      'test/core/lock.test.ts: a batch that was held back for six hours',
      'test/core/batch-run.test.ts: held back for six hours',
      'gpu-worker/tests/test_gate.py: test_backlog_is_claimed_when_nobody_records_or_it_has_waited_long_enough',
    ],
  },
  {
    id: 'batch.finds',
    sentence: 'A batch finds what waits, what no event told of, and results that are gone or broken, also of older recorders.',
    tests: [
      'test/core/batch-run.test.ts: what waits, what no event told of',
      'test/host/batch.test.ts: results that are taken away come back equal',
      'test/core/batch-run.test.ts: sessions of older recorders are found',
      'test/core/batch-run.test.ts: a row that waits and has fallen out of the index',
      'test/core/batch-run.test.ts: above a thousand sessions',
    ],
  },
  {
    id: 'batch.skipped',
    sentence: 'With nothing missing, or under a lock, no GPU is started and the report says why.',
    tests: [
      'test/core/batch-run.test.ts: with nothing missing no GPU is wished for',
      'test/core/batch-run.test.ts: a lock holds a run back',
      'test/host/batch.test.ts: nothing missing, or a recorder',
    ],
  },
  {
    id: 'batch.once',
    sentence: 'Two runs at once are one; a run that dies anywhere is finished by the next minute.',
    tests: [
      'test/core/batch-run.test.ts: one run at a time',
      'test/host/batch.test.ts: in the middle of a batch %s',
      'test/host/batch.test.ts: a recording that begins in the middle of a batch',
      'test/core/batch-run.test.ts: a run that dies at any call',
      'test/handlers/batch-api.test.ts: a run by hand begins at once',
    ],
  },
  {
    id: 'batch.mail',
    sentence:
      'Who wants to is told by mail that the batch has completed a session of theirs, once, without anything of what was said.',
    tests: [
      'test/core/batch-run.test.ts: who wants to is told once',
      'test/handlers/batch-api.test.ts: mail is opt-in',
      'test/template/template.test.ts: mail is sent as the stage says',
    ],
  },
  {
    id: 'operation.cli',
    sentence: 'An operator does everything from the command line, for people and for scripts, and tests the batch with it.',
    tests: ['test/host/cli.test.ts: the command line shows', 'test/host/cli.test.ts: a token comes from a password'],
  },
  {
    id: 'operation.alarms',
    sentence: 'Every alarm names its section of the runbook, and every section an alarm.',
    tests: [
      'test/template/template.test.ts: every alarm tells somebody',
      'test/template/template.test.ts: every dead-letter queue has an alarm',
    ],
  },
];
