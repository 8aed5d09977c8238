/** Transcribes a completed job again, with another model or language. Its text stays until the new one is complete. */
import type { JobRow } from '../contracts/jobs.ts';
import { DomainError } from '../errors.ts';
import { admitChoice } from '../sessions/model-choice.ts';
import type { RetranscribeChoice } from '../sessions/retranscription.ts';
import { advance } from './advance.ts';
import { checkQuotas, type QuotaDeps } from './begin.ts';
import { dueWhenStuck, type JobStage, updateRow } from './job.ts';
import type { JobDeps } from './ports.ts';
import { isRetranscribing, without } from './work.ts';

export interface RetranscribeJobDeps extends JobDeps, QuotaDeps {
  readonly stage: Pick<JobStage, 'models'>;
}

/** What follows the job's status in the error text. */
const REASONS = {
  failed: 'retry it instead',
  cancelled: 'its file is deleted',
  deleted: '',
  pending: '',
  processing: '',
} as const;

/** @throws DomainError `not-ready` for a job without a text; `deleted` */
function requireCompleted({ status }: JobRow): void {
  if (status === 'deleted') throw new DomainError('deleted', 'this job was deleted');
  if (status === 'pending' || status === 'processing') throw new DomainError('not-ready', 'the job is not completed yet');
  if (status !== 'completed') throw new DomainError('not-ready', `the job is ${status}; ${REASONS[status]}`);
}

/**
 * Starts a retranscription. Repeating the same request has no further effect.
 * @throws DomainError `invalid` for a model or language that the stage does not have; `not-ready`; `quota-reached`
 */
export async function retranscribeJob(deps: RetranscribeJobDeps, job: JobRow, choice: RetranscribeChoice): Promise<JobRow> {
  const before = isRetranscribing(job) && job.again !== undefined ? job.again : job;
  const language = choice.language === undefined ? before.language : (choice.language ?? undefined);
  const chosen = choice.model ?? before.model;
  admitChoice({ language, model: chosen }, deps.stage.models);
  const model = chosen === deps.stage.models[0] ? undefined : chosen;
  requireCompleted(job);
  const object = await deps.files.head(job.object_key);
  if (object === undefined) throw new DomainError('not-ready', 'the audio of this job is no longer stored');
  if (!isRetranscribing(job)) await checkQuotas(deps, job.user_id);
  const nowMs = deps.nowMs();
  const started = await updateRow(deps, job.job_id, (now) => {
    requireCompleted(now);
    if (isRetranscribing(now)) {
      if (now.again?.language === language && now.again?.model === model) return undefined;
      throw new DomainError('not-ready', 'the job is already being transcribed again with other options');
    }
    const round = now.round + 1;
    const again = {
      state: 'open',
      ...(language !== undefined && { language }),
      ...(model !== undefined && { model }),
      requested_at_ms: nowMs,
      etag: object.etag,
      size_bytes: object.sizeBytes,
      rows_round: round,
      progress: 0,
      stage: 'Queued',
      moved_at_ms: nowMs,
      moved_to: '',
      resumes: 0,
    } as const;
    const retranscriptions = (now.retranscriptions ?? 0) + 1;
    return dueWhenStuck({ ...without(now, 'again'), round, again, retranscriptions, open_of: now.user_id }, nowMs);
  });
  await advance(deps, job.job_id);
  return (await deps.jobs.get(job.job_id)) ?? started ?? job;
}
