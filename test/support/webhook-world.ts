/** Webhooks in memory: rows, a queue with delays on a fake clock, and receivers that are functions. */
import { Webhook } from 'standardwebhooks';
import type { DeliveryRow, WebhookRow } from '../../core/contracts/webhooks.ts';
import type { Attempt, SendDeps, WebhookStore } from '../../core/webhooks/ports.ts';
import { attempt, enqueueDue } from '../../core/webhooks/send.ts';
import { containment } from './containment.ts';

function memoryWebhookStore(): WebhookStore {
  const settings = new Map<string, WebhookRow>();
  const rows = new Map<string, DeliveryRow>();
  const subscribers = new Set<string>();
  const id = (userId: string, deliveryId: string): string => `${userId}#${deliveryId}`;
  return {
    settings: async (userId) => settings.get(userId),
    async saveSettings(was, now) {
      if (settings.get(now.user_id)?.version !== was?.version) return false;
      settings.set(now.user_id, now);
      return true;
    },
    batchSubscribers: async () => [...subscribers],
    setBatchSubscription: async (userId, isSubscribed) =>
      void (isSubscribed ? subscribers.add(userId) : subscribers.delete(userId)),
    async insert(row) {
      if (rows.has(id(row.user_id, row.id))) return false;
      rows.set(id(row.user_id, row.id), row);
      return true;
    },
    get: async (userId, deliveryId) => rows.get(id(userId, deliveryId)),
    async replace(was, now) {
      if (rows.get(id(was.user_id, was.id))?.version !== was.version) return false;
      rows.set(id(was.user_id, was.id), now);
      return true;
    },
    listOf: async (userId, limit, before) =>
      [...rows.values()]
        .filter((row) => row.user_id === userId && (before === undefined || row.id < before))
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit),
    listDue: async (nowMs, limit) =>
      [...rows.values()].filter(({ due_shard, due_at_ms = 0 }) => due_shard !== undefined && due_at_ms <= nowMs).slice(0, limit),
  };
}

export interface Received {
  readonly atMs: number;
  readonly messageId: string;
  readonly url: string;
  readonly body: unknown;
  readonly secrets: readonly string[];
}

export function webhookWorld(respond: (message: Received, count: number) => Attempt = () => ({ status: 200 })) {
  const received: Received[] = [];
  let queue: { userId: string; deliveryId: string; atMs: number }[] = [];
  let nowMs = Date.UTC(2026, 2, 1);
  let secrets = 0;
  const deps: SendDeps = {
    webhooks: memoryWebhookStore(),
    enqueue: async (userId, deliveryId, delaySeconds) =>
      void queue.push({ userId, deliveryId, atMs: nowMs + 1000 * delaySeconds }),
    newSecret: () => `whsec_${Buffer.from(`secret ${++secrets} of so many bytes`).toString('base64')}`,
    nowMs: () => nowMs,
    random: () => 0.5,
    async post(row, valid) {
      const message = { atMs: nowMs, messageId: row.message_id, url: row.url, body: JSON.parse(row.body), secrets: valid };
      for (const secret of valid) new Webhook(secret).sign(row.message_id, new Date(nowMs), row.body);
      received.push(message);
      return respond(message, received.length);
    },
  };
  return {
    ...deps,
    deps,
    received,
    /** Loses all messages of the queue. */
    loseQueue: (): void => {
      queue = [];
    },
    /** Advances the clock, delivers due messages, and runs the schedule every minute. */
    async pass(seconds: number): Promise<void> {
      const end = nowMs + 1000 * seconds;
      for (;;) {
        const next = queue.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
        const minute = Math.floor(nowMs / 60_000) * 60_000 + 60_000;
        if (next !== undefined && next.atMs <= Math.max(nowMs, Math.min(minute, end))) {
          nowMs = Math.max(nowMs, next.atMs);
          queue.splice(queue.indexOf(next), 1);
          await attempt(deps, next.userId, next.deliveryId);
        } else if (minute <= end) {
          nowMs = minute;
          await enqueueDue(deps, containment());
        } else break;
      }
      nowMs = end;
    },
    deliver: () => queue.splice(0).map(({ userId, deliveryId }) => attempt(deps, userId, deliveryId)),
  };
}
