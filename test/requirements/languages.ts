/** Promised behavior of languages and retranscriptions. */
import type { Requirement } from './requirement.ts';

export const languageRequirements: readonly Requirement[] = [
  {
    id: 'language.doors',
    sentence:
      'A language is accepted in all forms that clients use. A language that the model does not support is refused with the list of supported ones, before anything is queued.',
    tests: [
      'test/core/languages.test.ts: %j becomes the code of the model, or is refused with the list',
      'test/core/languages.test.ts: are checked before anything is queued',
      'test/core/languages.test.ts: the languages equal those of the Python worker',
      'test/handlers/recording-api.test.ts: a session stores the model’s language code',
      'test/handlers/jobs-api.test.ts: another language is accepted with a multilingual model',
      'test/browser/again.test.ts: the recorder and the file upload offer only English for an English-only model',
      'gpu-worker/tests/test_languages.py: test_a_requested_language_is_parsed_as_in_the_shared',
      'gpu-worker/tests/test_languages.py: test_the_tokenizer_in_a_folder_determines',
      'gpu-worker/tests/test_service_languages.py: test_an_unknown_language_is_refused_before_anything_is_queued',
      'gpu-worker/tests/test_service_languages.py: test_a_language_that_the_model_does_not_know_is_refused',
      'gpu-worker/tests/test_service_languages.py: test_a_model_card_lists_the_languages_that_the_model',
      'gpu-worker/tests/test_service_languages.py: test_a_requested_language_is_queued_as_the_models_code',
    ],
  },
  {
    id: 'retranscribe.sessions',
    sentence:
      'A completed session can be transcribed again with another model or language. Edits stay. The old text stays until the new one is complete, and for chunks that fail.',
    tests: [
      'test/core/retranscribe-session.test.ts: a session is transcribed again with another model and language',
      'test/core/retranscribe-session.test.ts: edits and corrections made during a retranscription apply to the old',
      'test/core/retranscribe-session.test.ts: a chunk that fails keeps its old text, and the failure is reported',
      'test/core/retranscribe-session.test.ts: concurrent requests are one retranscription',
      'test/core/retranscribe-session.test.ts: the keeper continues a call that died',
      'test/handlers/sessions-api.test.ts: the owner can retranscribe a completed session and see the progress',
      'test/host/retranscribe.test.ts: a retranscribed session keeps its edits, and its old text until the new one is complete',
      'test/browser/again.test.ts: a recording is transcribed again with another model and language',
    ],
  },
  {
    id: 'retranscribe.files',
    sentence:
      'A completed file can be transcribed again. The job stays completed, sends no further events, and keeps its text and waveform until the new ones are ready.',
    tests: [
      'test/core/retranscribe-file.test.ts: a file keeps its text until it is transcribed again',
      'test/core/retranscribe-file.test.ts: repeated requests are one retranscription',
      'test/core/retranscribe-file.test.ts: a retranscription that fails keeps the text and states the reason',
      'test/core/retranscribe-file.test.ts: a retranscription sends no event',
      'test/core/retranscribe-file.test.ts: another file of the same content shares only the newest text with its',
      'test/handlers/jobs-api.test.ts: the owner can retranscribe a completed file, within the same quotas and with the stage’s models',
      'test/host/retranscribe.test.ts: a file is retranscribed from the command line',
      'test/browser/again.test.ts: a file is transcribed again while its text stays visible',
    ],
  },
];
