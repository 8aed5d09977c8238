import type { DeliveryRow, WebhookRow } from '../contracts/webhooks.ts';

export interface WebhookStore {
  settings(userId: string): Promise<WebhookRow | undefined>;
  /** Puts `now` in the place of `was` (undefined: of none); false when that has moved on. */
  saveSettings(was: WebhookRow | undefined, now: WebhookRow): Promise<boolean>;
  /** Users who are told of batches. */
  batchListeners(): Promise<string[]>;
  listensToBatch(userId: string, listens: boolean): Promise<void>;
  /** False when this delivery is there already. */
  insert(row: DeliveryRow): Promise<boolean>;
  get(userId: string, deliveryId: string): Promise<DeliveryRow | undefined>;
  /** False when `was` has moved on. */
  replace(was: DeliveryRow, now: DeliveryRow): Promise<boolean>;
  /** Newest first; `before`: the last id of the page before. */
  listOf(userId: string, limit: number, before?: string): Promise<DeliveryRow[]>;
  listDue(nowMs: number, limit: number): Promise<DeliveryRow[]>;
}

/** How one attempt went; `error` in words for the list of deliveries, without anything that the receiver said. */
export type Attempt = { readonly status: number } | { readonly error: string };

export interface WebhookDeps {
  readonly webhooks: WebhookStore;
  /** Asks for an attempt after so many seconds. */
  readonly enqueue: (userId: string, deliveryId: string, delaySeconds: number) => Promise<void>;
  readonly newSecret: () => string;
  readonly nowMs: () => number;
}

export interface SendDeps extends WebhookDeps {
  readonly post: (row: DeliveryRow, secrets: readonly string[]) => Promise<Attempt>;
  /** Between 0 and 1. */
  readonly random: () => number;
}
