/** Recordings: chunks in, and what becomes of them. */
import type { Requirement } from './requirement.ts';

export const recordingRequirements: readonly Requirement[] = [
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
];
