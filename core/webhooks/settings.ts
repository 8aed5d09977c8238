/**
 * A user's webhook settings: the address and its signing secrets.
 *
 *   address: saved --410 Gone--> disabled --saved again--> saved
 *   secret: newest --rotated--> previous (signs for SECRET_OVERLAP_SECONDS more) --expired, or rotated again--> not used
 */
import { adminOnly, type Caller } from '../caller.ts';
import { type DeliveryRow, SECRET_OVERLAP_SECONDS, type WebhookRow } from '../contracts/webhooks.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { iso } from '../time.ts';
import { checkDeliveryUrl, checkWebhookUrl, type SavedAddressRules } from './address.ts';
import { settingsOf } from './outbox.ts';
import type { WebhookDeps } from './ports.ts';

const change = (deps: WebhookDeps, userId: string, to: (row: WebhookRow) => WebhookRow): Promise<WebhookRow> =>
  optimistically('the webhook', async () => {
    const was = await settingsOf(deps, userId);
    const now = { ...to(was), version: was.version + 1 };
    return (await deps.webhooks.saveSettings(was, now)) ? now : CONFLICT;
  });

/**
 * Checks an address before it is saved. The address that is saved already may keep its port.
 * @throws DomainError `invalid`
 */
export async function checkSetting(deps: WebhookDeps, userId: string, url: string, rules: SavedAddressRules): Promise<void> {
  const known = await deps.webhooks.settings(userId);
  if (known?.url === url) checkDeliveryUrl(url, rules);
  else checkWebhookUrl(url, rules);
}

/** Saves the address, which also enables it again, and the subscription to batch runs. `url` null: no webhook. */
export async function setWebhook(deps: WebhookDeps, userId: string, url: string | null, batch: boolean): Promise<WebhookRow> {
  const row = await change(deps, userId, ({ url: _old, batch: _was, disabled_at_ms: _since, ...rest }) => ({
    ...rest,
    ...(url !== null && { url }),
    ...(batch && { batch }),
  }));
  await deps.webhooks.setBatchSubscription(userId, batch && url !== null);
  return row;
}

/** What a user may change. */
export interface WebhookChange {
  /** Null: no webhook. */
  readonly url: string | null;
  /** Whether batch results are sent too. */
  readonly batch: boolean;
}

/**
 * Changes the webhook at a user's request.
 * @throws DomainError `forbidden` for batch results to users who are not admins; `invalid` for an address that must not be called
 */
export async function changeWebhook(
  deps: WebhookDeps,
  caller: Caller,
  { url, batch }: WebhookChange,
  rules: SavedAddressRules,
): Promise<WebhookRow> {
  if (batch) adminOnly(caller);
  if (url !== null) await checkSetting(deps, caller.userId, url, rules);
  return setWebhook(deps, caller.userId, url, batch);
}

/** Disables an address that returned 410 Gone until it is saved again. Does nothing if another address was saved meanwhile. */
export async function disableWebhook(deps: WebhookDeps, userId: string, url: string): Promise<void> {
  const nowMs = deps.nowMs();
  if ((await settingsOf(deps, userId)).url !== url) return;
  await change(deps, userId, (row) => (row.url === url ? { ...row, disabled_at_ms: nowMs } : row));
}

/** Creates a secret. The previous one also signs for SECRET_OVERLAP_SECONDS, so that receivers can switch. */
export async function rotateSecret(deps: WebhookDeps, userId: string): Promise<WebhookRow> {
  const nowMs = deps.nowMs();
  const secret = deps.newSecret();
  return change(deps, userId, ({ secrets, ...rest }) => {
    const [last] = secrets;
    const before = last === undefined ? [] : [{ ...last, until_ms: nowMs + 1000 * SECRET_OVERLAP_SECONDS }];
    return { ...rest, secrets: [{ secret, since_ms: nowMs }, ...before] };
  });
}

/** Public form of the settings, without secrets. */
export const viewWebhook = ({ url, batch, disabled_at_ms, secrets }: WebhookRow) => ({
  url: url ?? null,
  batch: batch === true,
  disabledSince: disabled_at_ms === undefined ? null : iso(disabled_at_ms),
  secretSince: iso(secrets[0]?.since_ms ?? 0),
  previousSecretUntil: secrets[1]?.until_ms === undefined ? null : iso(secrets[1].until_ms),
});

/** Public form of the settings after a rotation. The secret is shown only this once. */
export const viewSecret = (row: WebhookRow) => ({ secret: row.secrets[0]?.secret ?? '', ...viewWebhook(row) });

/** Public form of a delivery. */
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
