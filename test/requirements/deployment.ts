/** Promised behavior of deployments, starts and the command line, and of creating the protocol model. */
import type { Requirement } from './requirement.ts';

export const deploymentRequirements: readonly Requirement[] = [
  {
    id: 'deployment.doctor',
    sentence: 'The doctor prints one line per check, with a remedy for each failed one.',
    tests: [
      'test/cli/doctor.test.ts: on a healthy stage every check is good',
      'test/cli/doctor.test.ts: %s: only the check concerned fails, with a remedy',
      'test/cli/doctor.test.ts: checks that depend on a failed one wait instead of failing',
      'test/cli/doctor.test.ts: a pending update, the low concurrency of a new account, a batch that has not run yet and a late batch are notices',
      'test/cli/doctor.test.ts: before a deployment only the account is checked',
      'test/host/cli.test.ts: the doctor passes on a healthy host, and fails for an unknown stage',
    ],
  },
  {
    id: 'deployment.guide',
    sentence:
      'The commands of the guide deploy a stage, check it and destroy it. Invalid values are reported before anything is created.',
    tests: [
      'test/host/guide.test.ts: a stage is deployed, passes the doctor, has no diff when synthesized again, and is destroyed',
      'test/host/guide.test.ts: invalid context values are reported without a stack trace, and nothing is deployed',
      'test/template/template.test.ts: all invalid context values are reported together',
      'test/template/template.test.ts: context may come from files',
      'test/template/quality.test.ts: two stages in one account share no name',
    ],
  },
  {
    id: 'deployment.import',
    sentence:
      'Sessions and jobs of older systems are imported with their texts. Jobs that never ended become failed, and missing text is left to the batch.',
    tests: [
      'test/host/cli.test.ts: sessions and jobs of an older system are imported with their texts',
      'test/cli/older.test.ts: a folder of an older system is read',
      'test/cli/older.test.ts: an old job always gets the same new id, and another id for another user',
    ],
  },
  {
    id: 'deployment.machine',
    sentence:
      'A GPU machine installs itself, updates its code at the next boot, keeps the old code if the update fails, and has few permissions.',
    tests: [
      'gpu-worker/tests/test_bootstrap.py: test_a_first_boot_installs_everything_that_the_worker_needs',
      'gpu-worker/tests/test_bootstrap.py: test_the_deadline_is_set_before_anything_that_can_fail',
      'gpu-worker/tests/test_bootstrap.py: test_a_boot_without_new_code_downloads_nothing',
      'gpu-worker/tests/test_bootstrap.py: test_the_agent_is_configured_after_the_worker',
      'gpu-worker/tests/test_bootstrap.py: test_new_code_is_installed_at_the_next',
      'gpu-worker/tests/test_bootstrap.py: test_an_interrupted_installation_starts_over',
      'gpu-worker/tests/test_bootstrap.py: test_cudas_libraries_are_where_the_worker_looks_for_them',
      'gpu-worker/tests/test_bootstrap.py: test_systemd_accepts_the_units_and_restricts',
    ],
  },
  {
    id: 'deployment.template',
    sentence:
      'cfn-lint and cdk-nag find nothing in the template, no resource is replaced by accident, and all permissions are documented and enforced.',
    tests: [
      'test/template/cfn-lint.test.ts: cfn-lint has no finding',
      'test/template/quality.test.ts: a custom domain has its certificate',
      'test/template/quality.test.ts: the Grafana dashboard shows only existing metrics',
      'test/template/quality.test.ts: docs/iam.md lists the permissions of every role',
      'test/template/quality.test.ts: no construct id has changed',
      'test/host/emulator.test.ts: IAM policies are enforced',
      'test/core/month.test.ts: the cost of a month is positive and grows with the hours recorded',
      'test/core/month.test.ts: live transcription costs GPU time for the whole recording',
    ],
  },
  {
    id: 'protocol-model.making',
    sentence:
      'Commands in this repository create the protocol model, which is evaluated on speech that was excluded from its training.',
    tests: [
      'gpu-worker/tests/test_protocol_model.py: test_words_are_at_the_times_where_they',
      'gpu-worker/tests/test_protocol_model.py: test_the_same_seed_gives_the_same',
      'gpu-worker/tests/test_protocol_model.py: test_a_held_out_sentence_is_left_out_of_a_pool',
      'gpu-worker/tests/test_protocol_model.py: test_no_voice_of_the_evaluation_is_in_the_training',
      'gpu-worker/tests/test_protocol_model.py: test_mel_power_equals_the_engines',
      'gpu-worker/tests/test_protocol_model.py: test_targets_of_a_window_are_the_words_spoken_in_it',
      'gpu-worker/tests/test_protocol_model.py: test_training_reduces_the_loss',
      'gpu-worker/tests/test_protocol_model.py: test_the_exported_model_computes_what_was_trained',
      'gpu-worker/tests/test_protocol_model.py: test_the_commands_make_a_model_that_the_engine_can_run',
      'gpu-worker/tests/test_protocol_model.py: test_missing_input_is_reported_in_one_line',
    ],
  },
  {
    id: 'operation.usage',
    sentence: 'An error of the command line names the invalid option, field, file or address, and the accepted values.',
    tests: [
      'test/cli/usage.test.ts: an option with an invalid value is an invalid usage, with a line that names it and the accepted values',
      'test/cli/usage.test.ts: invalid, missing and surplus arguments are invalid usages, with a line that names them',
      'test/cli/usage.test.ts: unknown options and commands',
      'test/cli/usage.test.ts: the command line accepts exactly the values that the API accepts',
      'test/cli/stage.test.ts: validation errors of the API are listed by field',
      'test/cli/stage.test.ts: %s: reported in one line, with or without a token',
      'test/cli/stage.test.ts: a server that returns %s is not a stage',
      'test/cli/stage.test.ts: a log has one line per step and one per minute',
      'test/cli/stage.test.ts: a missing region or missing AWS credentials are reported with a hint to the doctor',
    ],
  },
  {
    id: 'start.at-once',
    sentence: 'A problem that prevents a start is reported in one line before anything is installed.',
    tests: [
      'test/repository/launch.test.ts: a clone that is not writable is reported in one line',
      'test/repository/launch.test.ts: a clone that another user has installed is used unchanged',
      'test/repository/launch.test.ts: CHUNKSCRIBE_HOME %s is rejected in one line',
      'test/repository/launch.test.ts: a Python that is too old or has no venv module is reported before npm runs',
      'test/repository/launch.test.ts: a Node that is too old is reported before anything runs',
      'test/repository/launch.test.ts: %s during the installation ends it with %i',
    ],
  },
  {
    id: 'start.options',
    sentence: 'A start whose options differ from those of the running host reports this, and how to apply them.',
    tests: [
      'test/cli/start-options.test.ts: options have defaults',
      'test/cli/start-options.test.ts: a running or starting host matches only if all options of the command line are the same',
      'test/host/lifecycle.test.ts: the host starts, runs only once, keeps recordings and an active batch run after kill -9, and leaves no process after Ctrl+C',
    ],
  },
  {
    id: 'start.interrupted',
    sentence: 'Ctrl+C during a start ends it in order, without a stack trace, and with exit status 130.',
    tests: [
      'test/host/lifecycle.test.ts: Ctrl+C after "%s" ends the start with 130',
      'test/repository/launch.test.ts: %s during the installation ends it with %i',
    ],
  },
  {
    id: 'start.reset',
    sentence: 'A reset removes the files of the local host, and nothing else.',
    tests: ["test/cli/start-options.test.ts: npm run reset removes the host's files and keeps others"],
  },
  {
    id: 'start.versions',
    sentence: 'The launcher, the packages and the documents name the same minimum versions of Node and Python.',
    tests: [
      'test/repository/versions.test.ts: the launcher, the packages and the documents name the same minimum Node version',
      'test/repository/versions.test.ts: the launcher, the worker and the documents name the same minimum Python version',
    ],
  },
  {
    id: 'start.older-home',
    sentence: 'A home and rows that an earlier version has written open: their texts are read, corrected and transcribed again.',
    tests: [
      'test/host/older-home.test.ts: its recordings and file jobs are listed, and their texts are read',
      'test/host/older-home.test.ts: its rule, saved just before the stop, is applied; then it is changed',
      'test/host/older-home.test.ts: its recording is transcribed again, and a new recording is transcribed',
    ],
  },
  {
    id: 'start.dev',
    sentence:
      '`npm run dev` shows changes of the pages at once, in front of a running host, and refuses other pages as the host does.',
    tests: [
      'test/browser/dev.test.ts: a change of a page is shown at once, and what was typed stays',
      'test/browser/dev.test.ts: a presigned address leads through the server, and storage accepts it',
      'test/browser/dev.test.ts: a foreign page is refused',
    ],
  },
];
