/**
 * One attempt to deliver a webhook message, and the time of the next one.
 *
 *   pending --claimed until `busy_until_ms`--> sent --2xx--> delivered
 *                                              sent --410, or no retry left--> failed
 *                                              sent --otherwise--> pending, due later
 *
 * Gotchas:
 * - If the sender dies, the row is due again after BUSY_MS. So a receiver may get a message twice, with the same id.
 * - A wait that exceeds the queue's limit is not enqueued; `enqueueDue` finds the row every minute.
 */
import { type Containment, forEachContained } from '../contained.ts';
import {
  type DeliveryRow,
  LONGEST_DELAY_SECONDS,
  MAX_DEFERRALS,
  RETRY_AFTER_SECONDS,
  RETRY_SECONDS,
  WEBHOOK_TIMEOUT_SECONDS,
} from '../contracts/webhooks.ts';
import { settingsOf } from './outbox.ts';
import type { Attempt, SendDeps } from './ports.ts';
import { disableWebhook } from './settings.ts';

const JITTER = 0.1;
/** An attempt has ended by then, even if its sender died. */
const BUSY_MS = 2000 * WEBHOOK_TIMEOUT_SECONDS;
const MAX_ERROR_LENGTH = 200;
const GONE = 410;
/** Statuses with which Retry-After is honored. */
const RETRY_AFTER_STATUSES: readonly number[] = [429, 503];
const GONE_ERROR = 'the receiver returned 410 Gone; this address is disabled';
const DISABLED_ERROR = 'this address is disabled: it returned 410 Gone';

const isDelivered = (attempt: Attempt): boolean => 'status' in attempt && attempt.status >= 200 && attempt.status < 300;
const isGone = (attempt: Attempt): boolean => 'status' in attempt && attempt.status === GONE;

/** The wait in seconds that the receiver requests, within bounds; undefined without a request, or after too many of them. */
function deferral(attempt: Attempt, deferrals: number): number | undefined {
  if (!('status' in attempt) || !RETRY_AFTER_STATUSES.includes(attempt.status) || deferrals >= MAX_DEFERRALS) return undefined;
  const { retryAfterSeconds: requested } = attempt;
  return requested === undefined ? undefined : Math.min(RETRY_AFTER_SECONDS.most, Math.max(RETRY_AFTER_SECONDS.least, requested));
}

function withResult(row: DeliveryRow, attempt: Attempt, nowMs: number): DeliveryRow {
  const { due_shard: _shard, due_at_ms: _at, last_status: _status, last_error: _error, ...rest } = row;
  return {
    ...rest,
    busy_until_ms: 0,
    last_attempt_at_ms: nowMs,
    ...('status' in attempt ? { last_status: attempt.status } : { last_error: attempt.error.slice(0, MAX_ERROR_LENGTH) }),
  };
}

function outcome(row: DeliveryRow, attempt: Attempt, nowMs: number, random: number): { row: DeliveryRow; delaySeconds?: number } {
  const tried = withResult(row, attempt, nowMs);
  if (isDelivered(attempt)) return { row: { ...tried, state: 'delivered' } };
  if (isGone(attempt)) return { row: { ...tried, state: 'failed', last_error: GONE_ERROR } };
  const { deferrals = 0 } = row;
  const deferred = deferral(attempt, deferrals);
  const wait = deferred ?? RETRY_SECONDS[row.attempts - deferrals - 1];
  if (wait === undefined) return { row: { ...tried, state: 'failed' } };
  const delaySeconds = Math.round(wait * (1 + JITTER * random));
  return {
    row: {
      ...tried,
      deferrals: deferred === undefined ? deferrals : deferrals + 1,
      due_shard: 'due',
      due_at_ms: nowMs + 1000 * delaySeconds,
    },
    delaySeconds,
  };
}

/** Makes the attempt that is due. `not-now`: another sender is making it, the delivery has ended, or it is not due. */
export async function attempt(deps: SendDeps, userId: string, deliveryId: string): Promise<DeliveryRow['state'] | 'not-now'> {
  const was = await deps.webhooks.get(userId, deliveryId);
  const nowMs = deps.nowMs();
  if (was?.state !== 'pending' || was.busy_until_ms > nowMs || (was.due_at_ms ?? 0) > nowMs) return 'not-now';
  const { secrets, url, disabled_at_ms } = await settingsOf(deps, userId);
  if (disabled_at_ms !== undefined && url === was.url) {
    const failed = { ...withResult(was, { error: DISABLED_ERROR }, nowMs), state: 'failed' as const, version: was.version + 1 };
    return (await deps.webhooks.replace(was, failed)) ? 'failed' : 'not-now';
  }
  const claimed: DeliveryRow = {
    ...was,
    version: was.version + 1,
    attempts: was.attempts + 1,
    busy_until_ms: nowMs + BUSY_MS,
    due_at_ms: nowMs + BUSY_MS, // if this sender dies, the schedule finds the row
  };
  if (!(await deps.webhooks.replace(was, claimed))) return 'not-now';
  const valid = secrets.filter(({ until_ms }) => until_ms === undefined || until_ms > nowMs).map(({ secret }) => secret);
  const result = await deps.post(claimed, valid);
  if (isGone(result)) await disableWebhook(deps, userId, claimed.url);
  const { row, delaySeconds } = outcome(claimed, result, deps.nowMs(), deps.random());
  const isSaved = await deps.webhooks.replace(claimed, { ...row, version: claimed.version + 1 });
  if (isSaved && delaySeconds !== undefined && delaySeconds <= LONGEST_DELAY_SECONDS)
    await deps.enqueue(userId, deliveryId, delaySeconds);
  return row.state;
}

/** Deliveries per pass; the next pass finds the rest. */
const PASS_LIMIT = 200;
const MESSAGES_AT_ONCE = 16;

/** Enqueues each delivery whose attempt is overdue. */
export async function enqueueDue(deps: SendDeps, containment: Containment): Promise<void> {
  const due = await deps.webhooks.listDue(deps.nowMs(), PASS_LIMIT);
  const work = (row: DeliveryRow): Promise<void> => deps.enqueue(row.user_id, row.id, 0);
  await forEachContained(due, { idOf: ({ id }) => id, work, atOnce: MESSAGES_AT_ONCE }, containment);
}
