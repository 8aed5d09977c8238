/** What is promised of the persistent service and the MCP server. */
import type { Requirement } from './requirement.ts';

export const serviceRequirements: readonly Requirement[] = [
  {
    id: 'service.way',
    sentence:
      'A file is taken, followed and read over HTTP; the same content is heard once; its sender is told of the end, signed.',
    tests: [
      'gpu-worker/tests/test_service.py: test_a_file_is_taken_followed_and_read',
      'gpu-worker/tests/test_service.py: test_the_same_content_is_heard_once',
      'gpu-worker/tests/test_service.py: test_callers_are_told_of_the_end',
      'gpu-worker/tests/test_service.py: test_a_file_of_many_parts_is_one_text',
      'test/browser/service-page.test.ts: a file is chosen on a phone',
      'gpu-worker/tests/test_service_parts.py: test_urgent_ones_first',
      'gpu-worker/tests/test_service_parts.py: test_those_who_share_a_content',
      'gpu-worker/tests/test_service_parts.py: test_ended_jobs_are_forgotten',
      'gpu-worker/tests/test_service_parts.py: test_parts_that_overlap_have_each_word_once',
      'gpu-worker/tests/test_service_parts.py: test_formats_are_those_of_the_typescript_writers',
    ],
  },
  {
    id: 'service.openai',
    sentence:
      'OpenAI’s own clients work unmodified: every format, words, segments, streams, errors; a request that is sent again is not heard again.',
    tests: [
      'gpu-worker/tests/test_service.py: test_openais_client_gets_every_format',
      'gpu-worker/tests/test_service.py: test_errors_are_openais',
      'gpu-worker/tests/test_service.py: test_a_request_that_is_sent_again',
      'test/service/examples.test.ts: docs/examples/%s prints the text of a file',
      'test/service/openai.test.ts: lists models, and answers json',
      'test/service/openai.test.ts: words where they are asked for',
      'test/service/openai.test.ts: errors are the client’s own kinds',
    ],
  },
  {
    id: 'service.survives',
    sentence:
      'kill -9, the end of the model’s process and a burst of requests lose nothing that was answered, and hear nothing twice.',
    tests: [
      'gpu-worker/tests/test_service.py: test_kill_9_with_twenty_jobs_waiting',
      'gpu-worker/tests/test_service.py: test_the_end_of_the_models_process',
      'gpu-worker/tests/test_service.py: test_two_hundred_requests_at_once',
      'gpu-worker/tests/test_service.py: test_another_model_is_loaded_on_demand',
      'gpu-worker/tests/test_service.py: test_a_process_that_has_grown',
      'gpu-worker/tests/test_service_parts.py: test_a_restart_gives_work_back',
      'gpu-worker/tests/test_service_parts.py: test_what_ends_two_processes_alone',
    ],
  },
  {
    id: 'service.refuses',
    sentence:
      'What cannot be taken is refused in words at the door: no audio, too large, unknown models and jobs, names that are paths, foreign pages and names, a missing token, addresses that nobody may have called.',
    tests: [
      'gpu-worker/tests/test_service.py: test_what_cannot_be_taken',
      'gpu-worker/tests/test_service.py: test_missing_file_unknown_job',
      'gpu-worker/tests/test_service.py: test_a_file_above_the_limit',
      'gpu-worker/tests/test_service.py: test_others_can_reach_it_only_with_a_token',
      'gpu-worker/tests/test_service_parts.py: test_names_and_a_full_queue',
      'gpu-worker/tests/test_service_parts.py: test_addresses_that_nobody_may_have_called',
    ],
  },
  {
    id: 'mcp.tools',
    sentence:
      'An assistant transcribes, follows, lists, reads and searches recordings by MCP, within the folders that it may use.',
    tests: [
      'test/service/mcp.test.ts: a recording is begun at once',
      'test/service/mcp.test.ts: %s with %o is path-not-allowed',
      'test/service/mcp.test.ts: a status file that is a link',
      'test/service/mcp.test.ts: what is missing or unknown',
      'test/service/mcp.test.ts: the inspector’s command line',
      'test/host/mcp.test.ts: a file of this machine is sent to the stage once',
      'test/host/mcp.test.ts: a wrong token and a stage that is not there',
    ],
  },
];
