/** Promised behavior on real speech, measured with published models. Planted faults show that the tests detect a loss. */
import type { Requirement } from './requirement.ts';

const errors = (...tests: string[]): string[] =>
  tests.map((title) => `gpu-worker/tests/real_speech/test_word_errors.py: ${title}`);
const cases = (...tests: string[]): string[] =>
  tests.map((title) => `gpu-worker/tests/real_speech/test_speech_cases.py: ${title}`);
const product = (...tests: string[]): string[] => tests.map((title) => `test/speech/cases.test.ts: ${title}`);
const service = (...tests: string[]): string[] =>
  tests.map((title) => `gpu-worker/tests/real_speech/test_service_speech.py: ${title}`);

export const speechRequirements: readonly Requirement[] = [
  {
    id: 'speech.words',
    sentence: 'The words of real speech, whole and in chunks, are those that faster-whisper returns for the whole recording.',
    tests: errors('test_a_whole_recording', 'test_chunks_of_30_s', 'test_a_planted_loss_of_a_word'),
  },
  {
    id: 'speech.loss',
    sentence: 'Speech that the model skips is decoded again or listed, never lost silently.',
    tests: errors('test_speech_after_an_early_stop'),
  },
  {
    id: 'speech.independence',
    sentence: 'The text of a clip is the same alone and in any batch.',
    tests: [
      ...errors('test_chunks_have_the_same_text'),
      ...cases('test_short_clips_have_the_same_text'),
      'gpu-worker/tests/test_engine.py: test_chunks_transcribed_together',
    ],
  },
  {
    id: 'speech.lead-in',
    sentence:
      'A chunk is decoded with the end of the previous one, whatever the state of that chunk, and keeps only its own words.',
    tests: [
      'gpu-worker/tests/test_engine.py: test_the_lead_in_is_not_part_of_the_text_and_its_words',
      'gpu-worker/tests/test_lead_in.py: test_the_last_three_seconds',
      'gpu-worker/tests/test_lead_in.py: test_audio_that_the_client_repeats_is_not',
      'gpu-worker/tests/test_lead_in.py: test_there_is_no_lead_in_for_first_chunks_for',
      'gpu-worker/tests/test_lead_in.py: test_the_cached_end_of_a_chunk_is_not_fetched_again',
      'gpu-worker/tests/test_media.py: test_pieces_of_a_stream_cut_at_any_byte',
    ],
  },
  {
    id: 'speech.session-language',
    sentence:
      'The first language that is detected with confidence is used for the chunks of a recording whose language is uncertain.',
    tests: [
      'gpu-worker/tests/test_lead_in.py: test_the_first_confident_language_of_a_recording_stays',
      'gpu-worker/tests/test_coverage.py: test_the_language_of_the_recording_decides',
    ],
  },
  {
    id: 'speech.languages',
    sentence: 'Each clip of a batch, and each part of a bilingual recording, has its own language. Silence has none.',
    tests: cases(
      'test_each_clip_of_a_batch',
      'test_a_planted_shared_language',
      'test_a_bilingual_recording',
      'test_silence_has_no_language',
      'test_silence_before_german',
    ),
  },
  {
    id: 'speech.cases',
    sentence: 'A spoken repetition is kept, a prompt that is also spoken is text, and sounds without speech have no words.',
    tests: cases(
      'test_a_spoken_repetition',
      'test_a_prompt_that_is_also_spoken',
      'test_a_prompt_never_becomes',
      'test_a_sound_without_speech',
    ),
  },
  {
    id: 'speech.product',
    sentence:
      'In the API, the pages and the service, concurrent recordings and files each have their own language, silence has neither language nor text, a spoken repetition is kept, and unknown languages are refused before anything is queued.',
    tests: [
      ...product(
        'users who speak at the same time',
        'silence has no language and no text',
        'a recording that begins with a silent chunk',
        'the segments of a bilingual recording have the language of their part',
        'a spoken repetition is not cut as a loop',
        'a German file is German',
        'a silent file has no language',
        'a file that begins with silence',
        '%s in an unknown language is refused',
        '%j is accepted for sessions and files',
        'the pages show texts with their languages',
      ),
      ...service(
        'test_files_that_are_sent_at_the_same_time',
        'test_a_silent_file_has_no_language',
        'test_a_file_that_begins_with_silence',
        'test_a_bilingual_file',
        'test_a_spoken_repetition_is_kept',
        'test_a_language_that_the_loaded_model_does_not_know',
        'test_languages_are_accepted',
      ),
    ],
  },
];
