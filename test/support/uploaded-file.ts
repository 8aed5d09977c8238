/** File jobs whose file is uploaded. */
import { JobRow } from '../../core/contracts/jobs.ts';
import { acceptUpload } from '../../core/file-jobs/advance.ts';
import { newJob } from '../../core/file-jobs/job.ts';
import { rowsFor } from '../../core/file-jobs/progress.ts';
import { viewJob } from '../../core/file-jobs/view.ts';
import type { JobWorld } from './job-world.ts';

export const USER = 'user-1';
export const STAGE = { models: ['small.en'], canDiarize: false, compressFiles: true, retentionDays: 0 };
let count = 0;

/** A job of a file that has just been uploaded; returns its id. */
export async function uploaded(w: JobWorld, more: object = {}, extension = 'mp3'): Promise<string> {
  const jobId = `job_${String(++count).padStart(26, '0')}`;
  const input = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 10, priority: 'normal' as const, ...more };
  const job = newJob(input, extension, jobId, USER, STAGE, w.nowMs());
  await w.jobs.create(job);
  w.sizes.set(job.object_key, 10);
  await acceptUpload(w, jobId);
  return jobId;
}
export const job = async (w: JobWorld, jobId: string): Promise<JobRow> => JobRow.parse(await w.jobs.get(jobId));
/** The public form of a job. */
export const view = async (w: JobWorld, jobId: string) => {
  const row = await job(w, jobId);
  return viewJob(row, 'small.en', await rowsFor(w, row));
};
