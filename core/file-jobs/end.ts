import type { JobRow } from '../contracts/jobs.ts';
import { METRICS, type Metric } from '../contracts/metrics.ts';
import { notifyJobOwner } from '../notifications/mails.ts';
import type { NoticeDeps } from '../notifications/ports.ts';
import type { Warn } from '../warn.ts';
import { createDeliveries, jobEndEvent, type Queued } from '../webhooks/outbox.ts';
import type { WebhookDeps } from '../webhooks/ports.ts';
import { workSeconds } from './statistics.ts';

/** Receivers of the end of a job. */
export interface JobEndDeps extends WebhookDeps, NoticeDeps {
  readonly publish: (values: Partial<Record<Metric, number>>) => Promise<void>;
}

function metricsOf(job: JobRow): Partial<Record<Metric, number>> {
  if (job.status !== 'completed') return { [METRICS.filesFailed]: 1 };
  const minutes = (job.seconds ?? 0) / 60;
  const worked = minutes > 0 ? workSeconds(job) : undefined;
  return { [METRICS.filesCompleted]: 1, ...(worked !== undefined && { [METRICS.secondsPerAudioMinute]: worked / minutes }) };
}

/** Reports the end of a job: webhook deliveries, metrics and an email. Undefined if there is nothing to report. */
export async function reportJobEnd(deps: JobEndDeps, job: JobRow, warn: Warn): Promise<Queued | undefined> {
  const ending = jobEndEvent(job);
  if (ending === undefined) return undefined;
  const addresses = await createDeliveries(deps, ending);
  await deps.publish(metricsOf(job));
  // A failed email is only counted: an exception would make the stream repeat the whole batch.
  await notifyJobOwner(deps, job).catch(async (error: unknown) => {
    warn('email not sent', error);
    await deps.publish({ [METRICS.mailFailed]: 1 });
  });
  return { event: ending.event, addresses };
}
