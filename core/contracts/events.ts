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

/** Steps of the workflow that a Lambda takes. `runId` is the execution's name. */
export const FleetStep = z.discriminatedUnion('step', [
  z.object({ step: z.literal('plan'), runId: z.string() }),
  z.object({
    step: z.literal('leave'),
    runId: z.string(),
    instanceId: z.string(),
    /** What the worker had seen when it found nothing to do; absent when the run ends for another reason. */
    seenSeq: z.number().int().optional(),
    error: z.string().optional(),
  }),
  z.object({ step: z.literal('confirm-stopped'), runId: z.string(), instanceId: z.string() }),
]);
export type FleetStep = z.infer<typeof FleetStep>;

/** Names of errors that the workflow retries or catches. */
export const WORKFLOW_ERRORS = {
  /** A stop is under way; joining must wait until it is confirmed. */
  draining: 'InstanceDraining',
  /** The machine has not stopped within one invocation's wait. */
  notStopped: 'NotYetStopped',
} as const;
