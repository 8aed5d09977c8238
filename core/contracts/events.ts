/** Messages and events between components, parsed by the receiver. test/fixtures/contracts has examples for both languages. */
import * as z from 'zod';

/** Queue message: a chunk may be waiting. The chunk's row decides. */
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

/** Steps of the workflow that the function FleetControl executes. `runId` is the execution's name. */
export const FleetStep = z.discriminatedUnion('step', [
  z.object({ step: z.literal('plan'), ...run, stateMachineArn: z.string() }),
  z.object({ step: z.literal('start'), ...machine }),
  z.object({ step: z.literal('next-machine'), ...machine }),
  z.object({
    step: z.literal('leave'),
    ...machine,
    /** Value of `wanted_seq` that the worker had seen when it drained; absent if the run ends for another reason. */
    seenSeq: z.number().int().optional(),
    error: z.string().optional(),
  }),
  z.object({ step: z.literal('confirm-stopped'), ...machine }),
]);
export type FleetStep = z.infer<typeof FleetStep>;

/** Names of the errors that the workflow retries or catches. */
export const WORKFLOW_ERRORS = {
  /** A stop is in progress; the run can join only after it is confirmed. */
  draining: 'InstanceDraining',
  /** EC2 has no capacity for the machine type, or the account's quota is used up. */
  noCapacity: 'NoCapacity',
  /** The machine is in a state from which EC2 cannot start it yet. */
  notYetStartable: 'NotYetStartable',
  /** EC2 reclaims the machine; reported by the worker. */
  machineTaken: 'MachineTaken',
  /** The machine has not stopped within one invocation's wait. */
  notStopped: 'NotYetStopped',
} as const;

/** EventBridge's event of a run that failed, timed out or was aborted. The reaper's other events do not match this schema. */
export const RunEnded = z.object({ 'detail-type': z.literal('Step Functions Execution Status Change') });

/** Payload of EventBridge Scheduler for the batch; the time is the scheduled one. */
export const BatchStart = z.object({
  start: z.literal('scheduled'),
  scheduledTime: z.iso.datetime().transform((time) => Date.parse(time)),
});
