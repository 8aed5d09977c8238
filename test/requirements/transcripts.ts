/** Transcripts: formats, ranges, edits and speakers. */
import type { Requirement } from './requirement.ts';

export const transcriptRequirements: readonly Requirement[] = [
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
    id: 'transcript.silence',
    sentence: 'Silence, noise, a tone and music result in no words, a complete session, and no further start of the GPU.',
    tests: [
      'test/host/sessions.test.ts: silence, noise, a tone and music',
      'gpu-worker/tests/test_engine.py: test_audio_without_speech_has_no_words',
    ],
  },
];
