import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { dateTime } from '../ui/format.ts';
import { Tag, type Tone } from '../ui/parts.tsx';

/** A file job as the API returns it. */
export type JobView = CallResult<'GET /api/transcriptions'>['jobs'][number];

const TONES: Readonly<Record<JobView['status'], Tone>> = {
  pending: 'busy',
  processing: 'busy',
  completed: 'good',
  failed: 'bad',
  cancelled: '',
};
const WORDS: Readonly<Record<JobView['status'], string>> = {
  pending: 'waiting',
  processing: 'in progress',
  completed: 'complete',
  failed: 'failed',
  cancelled: 'cancelled',
};
const WAIT_REASONS = {
  capacity: 'no machine available',
  budget: 'the daily budget is used up',
  failures: 'the machines have failed',
} as const;

export const JobState = ({ job }: { readonly job: JobView }) => <Tag tone={TONES[job.status]}>{WORDS[job.status]}</Tag>;
const isOpen = ({ status }: JobView): boolean => status === 'pending' || status === 'processing';

export interface JobActions {
  cancel(): void;
  retry(): void;
  remove(): void;
}

/** Progress, error and actions of a file job. */
export function JobCard({ job, act }: { readonly job: JobView; readonly act: JobActions }) {
  return (
    <>
      {isOpen(job) && (
        <>
          <div class="row apart small">
            <span role="status">
              {job.stage}
              {job.waitingFor &&
                ` · ${WAIT_REASONS[job.waitingFor.reason]}, until ${dateTime(job.waitingFor.until)} at the latest`}
            </span>
            <span class="numbers">{job.progress.toFixed(0)} %</span>
          </div>
          <progress class="progress" max={100} value={job.progress} aria-label={`Progress of ${job.filename}`} />
        </>
      )}
      {job.error && <p class="small">{job.error}</p>}
      <div class="row">
        {isOpen(job) && (
          <button type="button" class="button" onClick={act.cancel}>
            Cancel
          </button>
        )}
        {job.status === 'failed' && (
          <button type="button" class="button" onClick={act.retry}>
            Try again
          </button>
        )}
        {!isOpen(job) && (
          <button type="button" class="button quiet" onClick={act.remove}>
            Delete
          </button>
        )}
      </div>
    </>
  );
}
