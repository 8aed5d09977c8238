/** A user's webhook: where it goes, and by which secret it is signed. */
import { type DeliveryRow, SECRET_OVERLAP_SECONDS, type WebhookRow } from '../contracts/webhooks.ts';
import { settingsOf } from './outbox.ts';
import type { WebhookDeps } from './ports.ts';

async function change(deps: WebhookDeps, userId: string, to: (row: WebhookRow) => WebhookRow): Promise<WebhookRow> {
  for (;;) {
    const was = await settingsOf(deps, userId);
    const now = { ...to(was), version: was.version + 1 };
    if (await deps.webhooks.saveSettings(was, now)) return now;
  }
}

/** `url` null: nobody is told any more. */
export async function setWebhook(deps: WebhookDeps, userId: string, url: string | null, batch: boolean): Promise<WebhookRow> {
  const row = await change(deps, userId, ({ url: _old, batch: _was, ...rest }) => ({
    ...rest,
    ...(url !== null && { url }),
    ...(batch && { batch }),
  }));
  await deps.webhooks.listensToBatch(userId, batch && url !== null);
  return row;
}

/** A new secret; the one before goes on signing beside it for a day, so that receivers can change over. */
export async function rotateSecret(deps: WebhookDeps, userId: string): Promise<WebhookRow> {
  const nowMs = deps.nowMs();
  const secret = deps.newSecret();
  return change(deps, userId, ({ secrets, ...rest }) => {
    const [last] = secrets;
    const before = last === undefined ? [] : [{ ...last, until_ms: nowMs + 1000 * SECRET_OVERLAP_SECONDS }];
    return { ...rest, secrets: [{ secret, since_ms: nowMs }, ...before] };
  });
}

const iso = (ms: number): string => new Date(ms).toISOString();

export const viewWebhook = ({ url, batch, secrets }: WebhookRow) => ({
  url: url ?? null,
  batch: batch === true,
  secretSince: iso(secrets[0]?.since_ms ?? 0),
  previousSecretUntil: secrets[1]?.until_ms === undefined ? null : iso(secrets[1].until_ms),
});

export const viewDelivery = (row: DeliveryRow) => ({
  id: row.id,
  messageId: row.message_id,
  event: row.event,
  url: row.url,
  state: row.state,
  attempts: row.attempts,
  createdAt: iso(row.created_at_ms),
  lastAttemptAt: row.last_attempt_at_ms === undefined ? null : iso(row.last_attempt_at_ms),
  nextAttemptAt: row.state === 'pending' && row.due_at_ms !== undefined ? iso(row.due_at_ms) : null,
  lastStatus: row.last_status ?? null,
  lastError: row.last_error ?? null,
});
