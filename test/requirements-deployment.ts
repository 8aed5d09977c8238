/** What is promised of the way to one's own AWS account, and of the demo model's making. */
import type { Requirement } from './requirement.ts';

export const deploymentRequirements: readonly Requirement[] = [
  {
    id: 'deployment.doctor',
    sentence: 'The doctor says in one line each what is as it must be, and beside each red line what to do.',
    tests: [
      'test/cli/doctor.test.ts: where all is well, every line is green',
      'test/cli/doctor.test.ts: %s: the right line is red',
      'test/cli/doctor.test.ts: what depends on a red line waits',
      'test/cli/doctor.test.ts: an old version that only waits for its next boot',
      'test/cli/doctor.test.ts: before a deployment only the account is looked at',
      'test/host/cli.test.ts: the doctor finds nothing red on a host that is well',
    ],
  },
  {
    id: 'deployment.guide',
    sentence: 'The guide’s commands make a stage, look at it and take it away; a wrong value is told before anything is made.',
    tests: [
      'test/host/guide.test.ts: a stage is deployed, found well, unchanged when deployed again, and destroyed',
      'test/host/guide.test.ts: what is wrong with a value is told without a stack trace',
      'test/template/template.test.ts: context that is wrong is told at synth',
      'test/template/template.test.ts: context may come from files',
      'test/template/quality.test.ts: two stages of one account have no name in common',
    ],
  },
  {
    id: 'deployment.import',
    sentence:
      'Sessions and jobs of older systems come in: with their texts, as failed where they never ended, for the batch where text is missing.',
    tests: [
      'test/host/cli.test.ts: sessions and jobs of an older system come in',
      'test/cli/older.test.ts: a folder of an older system is read',
      'test/cli/older.test.ts: an old job has the same new id each time',
    ],
  },
  {
    id: 'deployment.machine',
    sentence:
      'A GPU machine installs itself, takes new code at its next boot, keeps the old one when that fails, and may do little.',
    tests: [
      'gpu-worker/tests/test_bootstrap.py: test_a_first_boot_ends_with_a_worker_that_has_all_it_needs',
      'gpu-worker/tests/test_bootstrap.py: test_the_deadline_comes_before_anything_that_can_fail',
      'gpu-worker/tests/test_bootstrap.py: test_a_boot_without_new_code_fetches_nothing',
      'gpu-worker/tests/test_bootstrap.py: test_the_agent_is_told_where_logs_go',
      'gpu-worker/tests/test_bootstrap.py: test_new_code_comes_at_the_next_boot',
      'gpu-worker/tests/test_bootstrap.py: test_a_boot_that_ended_in_the_middle_begins_anew',
      'gpu-worker/tests/test_bootstrap.py: test_cudas_libraries_are_where_the_worker_looks_for_them',
      'gpu-worker/tests/test_bootstrap.py: test_systemd_takes_the_units',
    ],
  },
  {
    id: 'deployment.template',
    sentence:
      'The template is clean for its checkers, replaces nothing by accident, and its rights are written down and enforced.',
    tests: [
      'test/template/quality.test.ts: cfn-lint finds nothing',
      'test/template/quality.test.ts: a domain of its own comes with its certificate',
      'test/template/quality.test.ts: the dashboard for Grafana shows metrics that there are',
      'test/template/quality.test.ts: docs/iam.md says what every role may do',
      'test/template/quality.test.ts: no construct has changed its id',
      'test/host/emulator.test.ts: what no policy allows is refused',
      'test/core/month.test.ts: a month costs more the more is recorded',
      'test/core/month.test.ts: live costs as long as the recording lasts',
    ],
  },
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
