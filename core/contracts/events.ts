/** Messages between the parts, parsed at each edge. The worker's side reads the same examples (test/fixtures/contracts). */
import * as z from 'zod';

/** A hint that a chunk may be waiting; the row decides. */
export const WorkMessage = z.object({
  version: z.literal(1),
  kind: z.literal('chunk'),
  sessionId: z.string(),
  chunkNumber: z.number().int(),
});
export type WorkMessage = z.infer<typeof WorkMessage>;

/** S3 "Object Created" as EventBridge delivers it. @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
export const ObjectCreated = z.object({
  'detail-type': z.literal('Object Created'),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
});

const run = { runId: z.string() };
const machine = { ...run, instanceId: z.string() };

/** Steps of the workflow that a Lambda takes. `runId` is the execution's name. */
export const FleetStep = z.discriminatedUnion('step', [
  z.object({ step: z.literal('plan'), ...run, stateMachineArn: z.string() }),
  z.object({ step: z.literal('start'), ...machine }),
  z.object({ step: z.literal('next-machine'), ...machine }),
  z.object({
    step: z.literal('leave'),
    ...machine,
    /** What the worker had seen when it found nothing to do; absent when the run ends for another reason. */
    seenSeq: z.number().int().optional(),
    error: z.string().optional(),
  }),
  z.object({ step: z.literal('confirm-stopped'), ...machine }),
]);
export type FleetStep = z.infer<typeof FleetStep>;

/** Names of errors that the workflow retries or catches. */
export const WORKFLOW_ERRORS = {
  /** A stop is under way; joining must wait until it is confirmed. */
  draining: 'InstanceDraining',
  /** EC2 has no such machine to give, or the account's quota is used up. */
  noCapacity: 'NoCapacity',
  /** The machine is in a state from which EC2 cannot start it yet. */
  notYetStartable: 'NotYetStartable',
  /** EC2 takes the machine away; told by the worker. */
  machineTaken: 'MachineTaken',
  /** The machine has not stopped within one invocation's wait. */
  notStopped: 'NotYetStopped',
} as const;

/** A run came to a bad end, as EventBridge tells it; the reaper is called by its schedule, by changes of machines, and by this. */
export const RunEnded = z.object({ 'detail-type': z.literal('Step Functions Execution Status Change') });

/** EventBridge Scheduler's call of the batch; the time is the one that the schedule meant. */
export const BatchStart = z.object({
  start: z.literal('scheduled'),
  scheduledTime: z.iso.datetime().transform((time) => Date.parse(time)),
});
