/** What users' servers are told, and how that went. @see https://www.standardwebhooks.com */
import * as z from 'zod';

export const WEBHOOK_EVENTS = ['transcription.completed', 'transcription.failed', 'session.completed', 'batch.finished'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Waits before the second and every further attempt, in seconds; each gets up to a tenth more. */
export const RETRY_SECONDS: readonly number[] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** SQS's own limit of a delay; longer waits are found by the minute. */
export const LONGEST_DELAY_SECONDS = 900;
export const WEBHOOK_TIMEOUT_SECONDS = 15;
export const WEBHOOK_ANSWER_BYTES = 64 * 1024;
/** A secret that was replaced signs beside the new one for this long. */
export const SECRET_OVERLAP_SECONDS = 86_400;
/** Deliveries are listed for this long. */
export const DELIVERY_SECONDS = 30 * 86_400;

/** A user's webhook; one row per user, `id` is `settings`. */
export const WebhookRow = z.object({
  user_id: z.string(),
  id: z.literal('settings'),
  version: z.number().int(),
  url: z.string().optional(),
  /** Also told of batches; admins only. */
  batch: z.boolean().optional(),
  /** `whsec_…`, the newest first. */
  secrets: z.array(z.object({ secret: z.string(), since_ms: z.number(), until_ms: z.number().optional() })),
});
export type WebhookRow = z.infer<typeof WebhookRow>;

export const DELIVERY_ID = /^dlv_\d{13}_[A-Za-z0-9_-]{22}$/;
export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;

/** One message to one address. */
export const DeliveryRow = z.object({
  user_id: z.string(),
  /** `dlv_<ms>_<hash>` */
  id: z.string(),
  version: z.number().int(),
  /** The same for every attempt, and for both addresses of one event. */
  message_id: z.string(),
  event: z.enum(WEBHOOK_EVENTS),
  url: z.string(),
  /** JSON as it is sent. */
  body: z.string(),
  state: z.enum(DELIVERY_STATES),
  created_at_ms: z.number(),
  attempts: z.number().int(),
  /** Somebody is at it until then. */
  busy_until_ms: z.number(),
  /** Partition of the sparse index of deliveries that wait, by the time of the next attempt. */
  due_shard: z.literal('due').optional(),
  due_at_ms: z.number().optional(),
  last_status: z.number().int().optional(),
  last_error: z.string().optional(),
  last_attempt_at_ms: z.number().optional(),
  expires_at_s: z.number().int(),
});
export type DeliveryRow = z.infer<typeof DeliveryRow>;

/** Asks the sender for the next attempt. */
export const DeliveryMessage = z.object({ version: z.literal(1), userId: z.string(), deliveryId: z.string() });
export type DeliveryMessage = z.infer<typeof DeliveryMessage>;
