/**
 * The webhook outbox: the end of a job, a session or a batch run becomes one delivery per address (the user's webhook, and the
 * callback address of the job).
 *
 * Steps: end event -> a `pending` delivery row per address -> a queue message per attempt (send.ts) -> `delivered` or `failed`.
 *
 * Gotchas:
 * - Ids are derived from the event and its subject, not from the time of the call. So a repeated event creates the same rows.
 * - A lost message delays a delivery only: `enqueueDue` (send.ts) finds the row.
 */
import { createHash } from 'node:crypto';
import type { RunRow } from '../contracts/batch.ts';
import type { JobRow } from '../contracts/jobs.ts';
import type { BatchReport } from '../contracts/report.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DELIVERY_ID, DELIVERY_SECONDS, type DeliveryRow, type WebhookEvent, type WebhookRow } from '../contracts/webhooks.ts';
import { DomainError } from '../errors.ts';
import { CONFLICT, optimistically } from '../optimistic.ts';
import { type Page, pageOf } from '../page.ts';
import { iso } from '../time.ts';
import type { WebhookDeps } from './ports.ts';

const hash = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);

/** The end of a job, a session or a batch run. */
export interface EndEvent {
  readonly event: WebhookEvent;
  readonly userId: string;
  /** Identifies the end; the same in every report of it. */
  readonly subject: readonly (string | number)[];
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
  /** Receives the event in addition to the user's webhook. */
  readonly callbackUrl?: string | undefined;
}

/** The event of a job that has completed or failed; undefined in other states. It contains no transcript text. */
export function jobEndEvent(job: JobRow): EndEvent | undefined {
  // The end was reported when the job first completed; a retranscription is not another end.
  if (job.retranscriptions !== undefined) return undefined;
  if (job.status !== 'completed' && job.status !== 'failed') return undefined;
  const atMs = job.completed_at_ms ?? 0;
  return {
    event: job.status === 'completed' ? 'transcription.completed' : 'transcription.failed',
    userId: job.user_id,
    subject: [job.job_id, job.status, job.round],
    atMs,
    callbackUrl: job.callback_url,
    data: {
      id: job.job_id,
      status: job.status,
      filename: job.filename,
      error: job.error ?? null,
      durationSeconds: job.seconds ?? null,
      completedAt: iso(atMs),
      transcript: job.status === 'completed' ? `/api/transcriptions/${job.job_id}/transcript` : null,
    },
  };
}

/** The event of a session whose transcript is written: once when it is partial, and again when it is complete. */
function sessionEndEvent(session: SessionRow): EndEvent | undefined {
  const { session_id: id, transcript_status: status, transcript_written_at_ms: atMs } = session;
  if (session.state !== 'completed' || status === undefined || atMs === undefined) return undefined;
  // Deliveries expire after DELIVERY_SECONDS. Then their ids no longer prevent a second event.
  const requestedMs = session.retranscription?.requested_at_ms ?? 0;
  if (requestedMs > (session.completed_at_ms ?? atMs) + 1000 * DELIVERY_SECONDS) return undefined;
  return {
    event: 'session.completed',
    userId: session.user_id,
    subject: [id, status, ...(session.resumptions === undefined ? [] : [String(session.resumptions)])],
    atMs: session.completed_at_ms ?? atMs,
    data: { id, status, chunkCount: session.chunk_count ?? null, transcript: `/api/sessions/${id}/transcript` },
  };
}

/** An event whose deliveries are queued, and the number of its addresses. */
export interface Queued {
  readonly event: WebhookEvent;
  readonly addresses: number;
}

/** Queues the deliveries of a session whose transcript is written; undefined if there is nothing to report. */
export async function reportSessionEnd(deps: WebhookDeps, session: SessionRow): Promise<Queued | undefined> {
  const ending = sessionEndEvent(session);
  return ending && { event: ending.event, addresses: await createDeliveries(deps, ending) };
}

/** The event of a batch run for one of its subscribers. */
const batchEndEvent = (userId: string, run: RunRow, report: BatchReport): EndEvent => ({
  event: 'batch.finished',
  userId,
  subject: [run.id],
  atMs: run.started_at_ms,
  data: { id: run.id, status: report.status, report: `/api/batch/reports/${run.id}` },
});

/** Creates the deliveries of a batch run for all of its subscribers. */
export async function notifyBatchSubscribers(deps: WebhookDeps, run: RunRow, report: BatchReport): Promise<void> {
  for (const userId of await deps.webhooks.batchSubscribers()) await createDeliveries(deps, batchEndEvent(userId, run, report));
}

/** The user's webhook settings; created, with a secret, when they are first needed. */
export const settingsOf = (deps: WebhookDeps, userId: string): Promise<WebhookRow> =>
  optimistically('the webhook', async () => {
    const known = await deps.webhooks.settings(userId);
    if (known !== undefined) return known;
    const secrets = [{ secret: deps.newSecret(), since_ms: deps.nowMs() }];
    const made: WebhookRow = { user_id: userId, id: 'settings', version: 1, secrets };
    return (await deps.webhooks.saveSettings(undefined, made)) ? made : CONFLICT;
  });

/** Creates a delivery for each address of the event and enqueues its first attempt; returns the number of addresses. */
export async function createDeliveries(deps: WebhookDeps, endEvent: EndEvent): Promise<number> {
  const { event, userId, subject, atMs, data, callbackUrl } = endEvent;
  const known = await deps.webhooks.settings(userId);
  const wanted = event !== 'batch.finished' || known?.batch === true;
  const own = wanted && known?.disabled_at_ms === undefined ? known?.url : undefined;
  const urls = new Set([own, callbackUrl].filter((url) => url !== undefined));
  if (urls.size === 0) return 0;
  await settingsOf(deps, userId);
  const message_id = `msg_${hash(event, ...subject)}`;
  const nowMs = deps.nowMs();
  for (const url of urls) {
    const row: DeliveryRow = {
      user_id: userId,
      id: `dlv_${String(Math.round(atMs)).padStart(13, '0')}_${hash(message_id, url)}`,
      version: 1,
      message_id,
      event,
      url,
      body: JSON.stringify({ type: event, timestamp: iso(atMs), data }),
      state: 'pending',
      created_at_ms: nowMs,
      attempts: 0,
      busy_until_ms: 0,
      due_shard: 'due',
      due_at_ms: nowMs,
      expires_at_s: Math.ceil(nowMs / 1000) + DELIVERY_SECONDS,
    };
    if (await deps.webhooks.insert(row)) await deps.enqueue(userId, row.id, 0);
  }
  return urls.size;
}

/** A page of a user's deliveries, newest first. */
export const listDeliveries = async (
  { webhooks }: Pick<WebhookDeps, 'webhooks'>,
  userId: string,
  limit: number,
  before?: string,
): Promise<Page<DeliveryRow>> => pageOf(await webhooks.listOf(userId, limit + 1, before), limit);

/** Sends a delivery again, with its message id. @throws DomainError `not-found` */
export async function replay(deps: WebhookDeps, userId: string, deliveryId: string): Promise<DeliveryRow> {
  const replayed = await optimistically('the delivery', async () => {
    const was = DELIVERY_ID.test(deliveryId) ? await deps.webhooks.get(userId, deliveryId) : undefined;
    if (was === undefined) throw new DomainError('not-found', 'there is no such delivery');
    const now: DeliveryRow = {
      ...was,
      version: was.version + 1,
      state: 'pending',
      attempts: 0,
      deferrals: 0,
      busy_until_ms: 0,
      due_shard: 'due',
      due_at_ms: deps.nowMs(),
    };
    return (await deps.webhooks.replace(was, now)) ? now : CONFLICT;
  });
  await deps.enqueue(userId, deliveryId, 0);
  return replayed;
}
