/** One attempt to deliver a message, and when the next one is. */
import { type DeliveryRow, LONGEST_DELAY_SECONDS, RETRY_SECONDS, WEBHOOK_TIMEOUT_SECONDS } from '../contracts/webhooks.ts';
import { settingsOf } from './outbox.ts';
import type { Attempt, SendDeps } from './ports.ts';

const JITTER = 0.1;
/** An attempt is over by then, however its sender ended. */
const BUSY_MS = 2000 * WEBHOOK_TIMEOUT_SECONDS;
const MAX_ERROR_LENGTH = 200;

const hasArrived = (attempt: Attempt): boolean => 'status' in attempt && attempt.status >= 200 && attempt.status < 300;

function outcome(row: DeliveryRow, attempt: Attempt, nowMs: number, random: number): { row: DeliveryRow; delaySeconds?: number } {
  const { due_shard: _shard, due_at_ms: _at, last_status: _status, last_error: _error, ...rest } = row;
  const tried: DeliveryRow = {
    ...rest,
    busy_until_ms: 0,
    last_attempt_at_ms: nowMs,
    ...('status' in attempt ? { last_status: attempt.status } : { last_error: attempt.error.slice(0, MAX_ERROR_LENGTH) }),
  };
  if (hasArrived(attempt)) return { row: { ...tried, state: 'delivered' } };
  const wait = RETRY_SECONDS[row.attempts - 1];
  if (wait === undefined) return { row: { ...tried, state: 'failed' } };
  const delaySeconds = Math.round(wait * (1 + JITTER * random));
  return { row: { ...tried, due_shard: 'due', due_at_ms: nowMs + 1000 * delaySeconds }, delaySeconds };
}

/** Makes the attempt that is due; `not-now` when somebody else is at it, it is over, or its time has not come. */
export async function attempt(deps: SendDeps, userId: string, deliveryId: string): Promise<DeliveryRow['state'] | 'not-now'> {
  const was = await deps.webhooks.get(userId, deliveryId);
  const nowMs = deps.nowMs();
  if (was?.state !== 'pending' || was.busy_until_ms > nowMs || (was.due_at_ms ?? 0) > nowMs) return 'not-now';
  const mine: DeliveryRow = {
    ...was,
    version: was.version + 1,
    attempts: was.attempts + 1,
    busy_until_ms: nowMs + BUSY_MS,
    due_at_ms: nowMs + BUSY_MS, // whoever dies here is followed by the minute
  };
  if (!(await deps.webhooks.replace(was, mine))) return 'not-now';
  const { secrets } = await settingsOf(deps, userId);
  const valid = secrets.filter(({ until_ms }) => until_ms === undefined || until_ms > nowMs).map(({ secret }) => secret);
  const result = await deps.post(mine, valid);
  const { row, delaySeconds } = outcome(mine, result, deps.nowMs(), deps.random());
  const isNoted = await deps.webhooks.replace(mine, { ...row, version: mine.version + 1 });
  if (isNoted && delaySeconds !== undefined && delaySeconds <= LONGEST_DELAY_SECONDS)
    await deps.enqueue(userId, deliveryId, delaySeconds);
  return row.state;
}

/** Deliveries looked at in one pass; the next pass finds the rest. */
const PASS_LIMIT = 200;

/** Asks again for what should have been tried by now; answers how many those were. */
export async function enqueueDue(deps: SendDeps): Promise<number> {
  const due = await deps.webhooks.listDue(deps.nowMs(), PASS_LIMIT);
  for (const row of due) await deps.enqueue(row.user_id, row.id, 0);
  return due.length;
}
