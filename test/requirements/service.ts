/** Promised behavior of the service and the MCP server. */
import type { Requirement } from './requirement.ts';

export const serviceRequirements: readonly Requirement[] = [
  {
    id: 'service.way',
    sentence:
      "A file is accepted, followed and read over HTTP. The same content is transcribed once. The end of a job is reported to the client's callback, signed.",
    tests: [
      'gpu-worker/tests/test_service.py: test_a_file_is_accepted_reports_progress_and_can',
      'gpu-worker/tests/test_service.py: test_the_same_content_is_transcribed_once',
      'gpu-worker/tests/test_service.py: test_callbacks_are_signed_and_sent',
      'gpu-worker/tests/test_service.py: test_a_file_of_many_parts_is_one_text',
      'test/browser/service-page.test.ts: a file is chosen on a phone',
      'gpu-worker/tests/test_service_parts.py: test_urgent_jobs_are_first',
      'gpu-worker/tests/test_service_parts.py: test_jobs_with_the_same_content',
      'gpu-worker/tests/test_service_parts.py: test_ended_jobs_are_deleted_with_results',
      'gpu-worker/tests/test_joining.py: test_parts_have_each_word_once',
      'gpu-worker/tests/test_service_parts.py: test_formats_equal_those_of_the_typescript_writers',
    ],
  },
  {
    id: 'service.openai',
    sentence:
      "OpenAI's own clients work unmodified: every format, words, segments, streams and errors. A repeated request is not transcribed again.",
    tests: [
      'gpu-worker/tests/test_service.py: test_openais_client_gets_every_format',
      'gpu-worker/tests/test_service.py: test_errors_have_openais',
      'gpu-worker/tests/test_service.py: test_a_repeated_request_is_not',
      'test/service/examples.test.ts: docs/examples/%s prints the transcript of a file',
      'test/service/openai.test.ts: the client lists models and gets json, text, srt, vtt and verbose_json',
      'test/service/openai.test.ts: the client gets words on request, and a stream whose pieces form the text',
      'test/service/openai.test.ts: errors map to the client’s error classes',
    ],
  },
  {
    id: 'service.survives',
    sentence:
      'kill -9, the end of the model process and a burst of requests lose no accepted work, and nothing is transcribed twice.',
    tests: [
      'gpu-worker/tests/test_service.py: test_kill_9_with_twenty_queued_jobs_loses',
      'gpu-worker/tests/test_service.py: test_the_end_of_the_model_process_loses',
      'gpu-worker/tests/test_service.py: test_two_hundred_simultaneous_requests',
      'gpu-worker/tests/test_service.py: test_another_model_is_loaded_on_demand',
      'gpu-worker/tests/test_service.py: test_a_process_whose_memory_has',
      'gpu-worker/tests/test_service_parts.py: test_a_restart_requeues_jobs_and_deletes',
      'gpu-worker/tests/test_service_parts.py: test_only_a_job_that_ends_two_processes',
    ],
  },
  {
    id: 'service.refuses',
    sentence:
      'Invalid requests are refused with a reason: no audio, too large, unknown model or job, names that are paths, foreign pages and host names, a missing token, forbidden callback addresses.',
    tests: [
      'gpu-worker/tests/test_service.py: test_invalid_requests_are_refused',
      'gpu-worker/tests/test_service.py: test_missing_file_unknown_job',
      'gpu-worker/tests/test_service.py: test_a_file_above_the_limit',
      'gpu-worker/tests/test_service.py: test_listening_beyond_loopback_requires_a_token',
      'gpu-worker/tests/test_service_parts.py: test_job_ids_and_a_full_queue',
      'gpu-worker/tests/test_callbacks.py: test_addresses_are_accepted_as_by_the_typescript_guard',
      'gpu-worker/tests/test_service_abuse.py: test_foreign_pages_may_not_send_files',
      'test/browser/service-page.test.ts: a foreign page, and a host name that an attacker points to this machine',
      'gpu-worker/tests/test_service.py: test_a_service_without_a_token_warns_that_it_is_open',
    ],
  },
  {
    id: 'service.abuse',
    sentence:
      'Slow, broken and hostile clients, and a full disk, are refused within a time limit, leave nothing behind, and delay no other client or receiver.',
    tests: [
      'gpu-worker/tests/test_service_abuse.py: test_three_hundred_half_open_connections',
      'gpu-worker/tests/test_service_abuse.py: test_a_client_that_trickles_is_cut_off',
      'gpu-worker/tests/test_service_abuse.py: test_connections_above_the_limit',
      'gpu-worker/tests/test_service_abuse.py: test_abuse_is_a_4xx',
      'gpu-worker/tests/test_service_abuse.py: test_a_disk_that_fills_up_during_an_upload_is_reported',
      'gpu-worker/tests/test_service_abuse.py: test_a_disk_that_is_full_when_a_transcript_is_written',
      'gpu-worker/tests/test_service_abuse.py: test_a_job_whose_end_cannot_be_stored_is_processed',
      'gpu-worker/tests/test_callbacks.py: test_410_ends_the_callback',
      'gpu-worker/tests/test_callbacks.py: test_the_next_attempt',
      'gpu-worker/tests/test_callbacks.py: test_a_response_that_trickles_is_cut_off',
      'gpu-worker/tests/test_callbacks.py: test_a_receiver_that_hangs_does_not_delay_others',
    ],
  },
  {
    id: 'mcp.tools',
    sentence:
      'An assistant transcribes, follows, lists, reads and searches recordings over MCP, within the folders that it may use.',
    tests: [
      'test/service/mcp.test.ts: a recording is started, polled and saved',
      'test/service/mcp.test.ts: %s with %o is path-not-allowed',
      'test/service/mcp.test.ts: a status file that is a link',
      'test/service/mcp.test.ts: missing files, unknown jobs and an unreachable service are reported',
      'test/service/mcp.test.ts: the inspector’s command line',
      'test/host/mcp.test.ts: a local file is uploaded once, its job can be polled, read and searched',
      'test/host/mcp.test.ts: a wrong token and an unreachable stage are reported',
    ],
  },
  {
    id: 'mcp.files',
    sentence:
      'The MCP server never changes a file that it did not write. Any server that sees the end of a job removes its status file.',
    tests: [
      'test/cli/assistant.test.ts: another process saves the text and removes the status file without output_dir',
      'test/cli/assistant.test.ts: the status file of a job that has %s is removed by any server',
      'test/cli/assistant.test.ts: an existing text is not overwritten, whether it was created before or during the job',
      'test/cli/assistant.test.ts: a text is saved only once, even with several servers and repeated checks',
      'test/cli/assistant.test.ts: recordings with the same name each have a status file and a text',
      'test/cli/assistant.test.ts: links and folders with the names of the server’s files are not touched',
    ],
  },
];
