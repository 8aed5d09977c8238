/** GPU machines: started for work, and always stopped. */
import type { Requirement } from './requirement.ts';

export const gpuRequirements: readonly Requirement[] = [
  {
    id: 'gpu.started-and-stopped',
    sentence: 'The GPU runs only while there is work, and its stop is confirmed.',
    tests: [
      'test/host/recording.test.ts: chunks uploaded in any order, one of them twice, become the whole text',
      'test/core/fleet.test.ts: a run joins, drains and stops the machine',
      'test/workflow/workflow.test.ts: every path after Start',
      'test/workflow/workflow.test.ts: removing any Catch is detected',
    ],
  },
  {
    id: 'gpu.never-under-somebody',
    sentence: 'No machine is stopped while it has a live holder, in any order of events.',
    tests: [
      'test/core/protocol.test.ts: in every history no stop hits a live holder',
      'test/core/fleet.test.ts: two runs that join and leave in every order, with a reaper pass anywhere',
      'test/core/fleet.test.ts: a stop that a run has decided blocks other runs until that run has',
      'test/core/fleet.test.ts: no run joins while a stop is in progress',
    ],
  },
  {
    id: 'gpu.no-lost-wish',
    sentence: 'A chunk that arrives while the last run leaves is served.',
    tests: [
      'test/core/fleet.test.ts: a run that has not seen the newest request looks for work again instead',
      'test/core/unserved.test.ts: a row that %s',
    ],
  },
  {
    id: 'gpu.reaper',
    sentence: 'The reaper removes a run that died and stops its machine.',
    tests: [
      'test/core/fleet.test.ts: one pass of the reaper removes a run that died and stops its machine',
      'test/core/fleet.test.ts: the reaper sends a decided stop that never reached EC2',
      'test/handlers/fleet.test.ts: the reaper sends a message and starts a run for unserved work',
    ],
  },
  {
    id: 'gpu.aborted',
    sentence: 'An aborted run leaves no machine running, and the next run does its work.',
    tests: [
      'test/host/runs.test.ts: after an active run is aborted, its machine is stopped and the next run does the work',
      'test/workflow/walker.test.ts: %s: after one pass of the reaper no machine runs',
      'test/workflow/walker.test.ts: a machine that an admin holds is never stopped',
    ],
  },
  {
    id: 'gpu.worker-stops-itself',
    sentence: 'A machine without a run shuts itself down. A worker that cannot start reports the reason and uses no attempt.',
    tests: [
      'gpu-worker/tests/test_process.py: test_a_machine_that_no_run_holds',
      'gpu-worker/tests/test_process.py: test_a_model_that_cannot_be_loaded',
      'gpu-worker/tests/test_run_tokens.py: test_a_worker_that_cannot_start_fails_the_run',
    ],
  },
  {
    id: 'gpu.four-stoppers',
    sentence: 'Each of the four stoppers is sufficient on its own: the machine is stopped within three minutes, whatever fails.',
    tests: [
      'test/host/stoppers.test.ts: only Catch: a failing step stops the machine',
      'test/host/stoppers.test.ts: only the RunEnded rule',
      'test/host/stoppers.test.ts: only the reaper’s schedule',
      'test/host/stoppers.test.ts: only the worker',
      'test/host/stoppers.test.ts: a hanging worker is detected by its missing heartbeat, and the next one does its work',
      'test/host/stoppers.test.ts: a machine whose worker never becomes ready is stopped at the deadline',
      'test/host/stoppers.test.ts: a run that is aborted at %s',
      'test/template/template.test.ts: every alarm has an action',
    ],
  },
  {
    id: 'gpu.pool',
    sentence:
      'A large backlog uses several machines. Without capacity, the next machine is tried; without any, the work stays pending with the reason.',
    tests: [
      'test/host/gpu.test.ts: a large backlog uses several machines',
      'test/host/gpu.test.ts: without capacity for the preferred machine',
      'test/host/gpu.test.ts: without any capacity, work stays pending with the reason and without a failed attempt, and is done once there is capacity',
      'test/core/fleet.test.ts: a run takes as many machines as the work needs',
      'test/workflow/walker.test.ts: without capacity for the first machine',
      'test/handlers/recording-api.test.ts: pending work has the reason %s and a time',
    ],
  },
  {
    id: 'gpu.by-hand',
    sentence: 'An admin can hold a machine until a deadline. Nothing stops it during that time, and it stops when the hold ends.',
    tests: [
      'test/host/gpu.test.ts: a machine held by an admin keeps running without work and between runs',
      'test/core/fleet-admins.test.ts: an admin holds a machine until the deadline',
      'test/handlers/gpu-api.test.ts: an admin starts a machine',
      'test/handlers/attack-matrix.test.ts: %s',
      'gpu-worker/tests/test_run_tokens.py: test_an_admin_needs_the_machine_until_a_deadline_and_a_run',
    ],
  },
  {
    id: 'gpu.budget',
    sentence: 'When the daily budget is spent, nothing is started. Work stays pending with the reason, and recording continues.',
    tests: [
      'test/host/gpu.test.ts: with the daily budget spent, no machine is started for runs or admins, and work stays pending with the reason',
      'test/core/fleet.test.ts: when the daily budget is spent, nothing is started until the next day',
    ],
  },
  {
    id: 'gpu.cost',
    sentence:
      'GPU time is the union of the running times that EC2 reports, divided among the sessions that were transcribed in it.',
    tests: [
      "test/host/gpu.test.ts: a session's cost is its share of EC2's running time",
      'test/core/ledger.test.ts: the running time is a union per machine',
      'test/core/ledger.test.ts: the shares of sessions add up to the whole and are proportional to',
      'test/core/ledger.test.ts: a launch that ended before it was observed is recorded from the times',
      'test/handlers/ec2-times.test.ts: the stop time is parsed from %s, if it contains one',
    ],
  },
];
