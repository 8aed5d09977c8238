/** Webhook settings, messages and deliveries. @see https://www.standardwebhooks.com */
import * as z from 'zod';

export const WEBHOOK_EVENTS = ['transcription.completed', 'transcription.failed', 'session.completed', 'batch.finished'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Waits before the second and each further attempt, in seconds, plus up to 10 % jitter. */
export const RETRY_SECONDS: readonly number[] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/** Bounds of a receiver's Retry-After, in seconds. It replaces the next wait. */
export const RETRY_AFTER_SECONDS = { least: 5, most: 3600 } as const;
/** Times per message that Retry-After is honored. These waits do not use up the schedule above. */
export const MAX_DEFERRALS = 24;
/** Longest delay that SQS supports. Longer waits are found by the sender's minute schedule. */
export const LONGEST_DELAY_SECONDS = 900;
export const WEBHOOK_TIMEOUT_SECONDS = 15;
/** Bytes of a response that are read. */
export const WEBHOOK_RESPONSE_BYTES = 64 * 1024;
/** How long messages are signed with both the replaced and the new secret. */
export const SECRET_OVERLAP_SECONDS = 86_400;
/** How long deliveries are kept. */
export const DELIVERY_SECONDS = 30 * 86_400;

/** A user's webhook; one row per user, `id` is `settings`. */
export const WebhookRow = z.object({
  user_id: z.string(),
  id: z.literal('settings'),
  version: z.number().int(),
  url: z.string().optional(),
  /** Whether batch results are sent too; admins only. */
  batch: z.boolean().optional(),
  /** When the URL responded with 410. Nothing is sent to it until the webhook is saved again. */
  disabled_at_ms: z.number().optional(),
  /** `whsec_…`, the newest first. */
  secrets: z.array(z.object({ secret: z.string(), since_ms: z.number(), until_ms: z.number().optional() })),
});
export type WebhookRow = z.infer<typeof WebhookRow>;

export const DELIVERY_ID = /^dlv_\d{13}_[A-Za-z0-9_-]{22}$/;
export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;

/** One message to one URL; @see core/webhooks/send.ts for its states. */
export const DeliveryRow = z.object({
  user_id: z.string(),
  /** `dlv_<ms>_<hash>` */
  id: z.string(),
  version: z.number().int(),
  /** The same for every attempt, and for both URLs of one event. */
  message_id: z.string(),
  event: z.enum(WEBHOOK_EVENTS),
  url: z.string(),
  /** JSON exactly as it is sent. */
  body: z.string(),
  state: z.enum(DELIVERY_STATES),
  created_at_ms: z.number(),
  attempts: z.number().int(),
  /** Waits set by the receiver's Retry-After; they are not part of the schedule. */
  deferrals: z.number().int().optional(),
  /** Time until which a sender works on the delivery. */
  busy_until_ms: z.number(),
  /** Partition of the sparse index of pending deliveries, sorted by the time of the next attempt. */
  due_shard: z.literal('due').optional(),
  due_at_ms: z.number().optional(),
  last_status: z.number().int().optional(),
  last_error: z.string().optional(),
  last_attempt_at_ms: z.number().optional(),
  expires_at_s: z.number().int(),
});
export type DeliveryRow = z.infer<typeof DeliveryRow>;

/** Queue message that requests the next attempt. */
export const DeliveryMessage = z.object({ version: z.literal(1), userId: z.string(), deliveryId: z.string() });
export type DeliveryMessage = z.infer<typeof DeliveryMessage>;
