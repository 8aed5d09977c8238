/**
 * Something has come to its end -> one message, to the user's webhook and to the job's own address. Whoever tells it twice
 * makes the same rows: ids are made of what has ended, not of when it was told.
 */
import { createHash } from 'node:crypto';
import type { RunRow } from '../contracts/batch.ts';
import type { JobRow } from '../contracts/jobs.ts';
import type { BatchReport } from '../contracts/report.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DELIVERY_SECONDS, type DeliveryRow, type WebhookEvent, type WebhookRow } from '../contracts/webhooks.ts';
import { DomainError } from '../errors.ts';
import type { WebhookDeps } from './ports.ts';

const hash = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);

export interface Ending {
  readonly event: WebhookEvent;
  readonly userId: string;
  /** Names the end: the same for everybody who tells it. */
  readonly subject: readonly (string | number)[];
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
  /** An address beside the user's webhook. */
  readonly callbackUrl?: string | undefined;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** What is told of a job's end; undefined for other changes. Nothing that was said goes out. */
export function jobEnding(job: JobRow): Ending | undefined {
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

/** What is told of a session whose transcript is there: once when it is partial, and again when it has become complete. */
export function sessionEnding(session: SessionRow): Ending | undefined {
  const { session_id: id, transcript_status: status, transcript_written_at_ms: atMs } = session;
  if (session.state !== 'completed' || status === undefined || atMs === undefined) return undefined;
  return {
    event: 'session.completed',
    userId: session.user_id,
    subject: [id, status],
    atMs: session.completed_at_ms ?? atMs,
    data: { id, status, chunkCount: session.chunk_count ?? null, transcript: `/api/sessions/${id}/transcript` },
  };
}

/** What is told of a batch to one who wants to know of them. */
const batchEnding = (userId: string, run: RunRow, report: BatchReport): Ending => ({
  event: 'batch.finished',
  userId,
  subject: [run.id],
  atMs: run.started_at_ms,
  data: { id: run.id, status: report.status, report: `/api/batch/reports/${run.id}` },
});

/** Tells everybody who wants to know of batches. */
export async function tellBatch(deps: WebhookDeps, run: RunRow, report: BatchReport): Promise<void> {
  for (const userId of await deps.webhooks.batchListeners()) await tell(deps, batchEnding(userId, run, report));
}

/** The user's webhook; with a secret from the first time that anything is to be signed. */
export async function settingsOf(deps: WebhookDeps, userId: string): Promise<WebhookRow> {
  for (;;) {
    const known = await deps.webhooks.settings(userId);
    if (known !== undefined) return known;
    const secrets = [{ secret: deps.newSecret(), since_ms: deps.nowMs() }];
    const made: WebhookRow = { user_id: userId, id: 'settings', version: 1, secrets };
    if (await deps.webhooks.saveSettings(undefined, made)) return made;
  }
}

/** Writes the message down for each address, and asks for its first attempt; answers how many there are. */
export async function tell(deps: WebhookDeps, ending: Ending): Promise<number> {
  const { event, userId, subject, atMs, data, callbackUrl } = ending;
  const known = await deps.webhooks.settings(userId);
  const wanted = event !== 'batch.finished' || known?.batch === true;
  const urls = new Set([wanted ? known?.url : undefined, callbackUrl].filter((url) => url !== undefined));
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

/** Sends a message once more, with the id that it had. @throws DomainError `not-found` */
export async function replay(deps: WebhookDeps, userId: string, deliveryId: string): Promise<DeliveryRow> {
  for (;;) {
    const was = await deps.webhooks.get(userId, deliveryId);
    if (was === undefined) throw new DomainError('not-found', 'there is no such delivery');
    const now: DeliveryRow = {
      ...was,
      version: was.version + 1,
      state: 'pending',
      attempts: 0,
      busy_until_ms: 0,
      due_shard: 'due',
      due_at_ms: deps.nowMs(),
    };
    if (!(await deps.webhooks.replace(was, now))) continue;
    await deps.enqueue(userId, deliveryId, 0);
    return now;
  }
}
