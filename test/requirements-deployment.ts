/** What is promised of the way to one's own AWS account, and of the demo model's making. */
import type { Requirement } from './requirement.ts';

export const deploymentRequirements: readonly Requirement[] = [
  {
    id: 'demo-model.making',
    sentence: 'The demo model is made by commands of this repository, and measured on speech that its training has left out.',
    tests: [
      'gpu-worker/tests/test_demo_model.py: test_words_are_where_they_are_said',
      'gpu-worker/tests/test_demo_model.py: test_the_same_seed_says_the_same',
      'gpu-worker/tests/test_demo_model.py: test_a_held_out_sentence_is_left_out_of_a_pool',
      'gpu-worker/tests/test_demo_model.py: test_nobody_of_the_evaluation_speaks_in_the_training',
      'gpu-worker/tests/test_demo_model.py: test_mel_power_is_what_the_engine_reckons',
      'gpu-worker/tests/test_demo_model.py: test_windows_ask_for_what_is_heard_in_them',
      'gpu-worker/tests/test_demo_model.py: test_training_learns',
      'gpu-worker/tests/test_demo_model.py: test_the_exported_model_computes_what_was_trained',
      'gpu-worker/tests/test_demo_model.py: test_the_commands_make_a_model_that_the_engine_runs',
      'gpu-worker/tests/test_demo_model.py: test_what_is_missing_is_said_in_one_line',
    ],
  },
];
