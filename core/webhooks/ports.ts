import type { DeliveryRow, WebhookRow } from '../contracts/webhooks.ts';

/** Webhook settings of users, and deliveries. */
export interface WebhookStore {
  settings(userId: string): Promise<WebhookRow | undefined>;
  /** Replaces `was` by `now` (undefined: creates it); false when it has changed. */
  saveSettings(was: WebhookRow | undefined, now: WebhookRow): Promise<boolean>;
  /** Users who are notified of batch runs. */
  batchSubscribers(): Promise<string[]>;
  setBatchSubscription(userId: string, isSubscribed: boolean): Promise<void>;
  /** False when the delivery exists. */
  insert(row: DeliveryRow): Promise<boolean>;
  get(userId: string, deliveryId: string): Promise<DeliveryRow | undefined>;
  /** False when `was` has changed. */
  replace(was: DeliveryRow, now: DeliveryRow): Promise<boolean>;
  /** Newest first. `before`: last id of the previous page. */
  listOf(userId: string, limit: number, before?: string): Promise<DeliveryRow[]>;
  listDue(nowMs: number, limit: number): Promise<DeliveryRow[]>;
}

/** Result of one attempt. `error` is listed with the delivery and contains nothing that the receiver sent. */
export type Attempt = { readonly status: number; readonly retryAfterSeconds?: number | undefined } | { readonly error: string };

export interface WebhookDeps {
  readonly webhooks: WebhookStore;
  /** Enqueues an attempt after this many seconds. */
  readonly enqueue: (userId: string, deliveryId: string, delaySeconds: number) => Promise<void>;
  readonly newSecret: () => string;
  readonly nowMs: () => number;
}

export interface SendDeps extends WebhookDeps {
  readonly post: (row: DeliveryRow, secrets: readonly string[]) => Promise<Attempt>;
  /** Between 0 and 1. */
  readonly random: () => number;
}
