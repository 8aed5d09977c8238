/** Our own CloudWatch metrics: dimension `Stage` only, ids are in the logs. */
export const METRICS_NAMESPACE = 'Chunkscribe';
export const METRICS = {
  /** Count: a batch run found nothing missing, or did everything. One that a lock held back is none. */
  batchSucceeded: 'BatchSucceeded',
  /** Count: a batch run failed, or not everything was done. */
  batchFailed: 'BatchFailed',
  /** Percent of a batch run's chunks that are dead now. */
  failedChunksPercent: 'FailedChunksPercent',
  /** Count: chunks that died in a batch run. */
  deadChunks: 'DeadChunks',
  /** Seconds that machines have run since a batch run began, while it goes on. */
  batchGpuSeconds: 'BatchGpuSeconds',
  /** Count: a mail to a user could not be sent; it is not tried again. */
  mailFailed: 'MailFailed',
  /** USD that the GPU has cost this day, while a machine runs. */
  costToday: 'CostTodayUsd',
  /** Count: files that were transcribed, and that could not be. */
  filesCompleted: 'FilesCompleted',
  filesFailed: 'FilesFailed',
  /** Seconds from the beginning of the work on a file to its text, for each minute of its audio. */
  secondsPerAudioMinute: 'SecondsPerAudioMinute',
  /** Count: files of which nothing had moved for half an hour, and that were resumed. */
  stuckJobs: 'StuckJobs',
  /** MB: most memory that the worker's process has had, while a machine runs. */
  workerMemory: 'WorkerMemoryMb',
  /** Count: a machine runs minutes after its stop was decided. */
  stopNotConfirmed: 'StopNotConfirmed',
} as const;
export type Metric = (typeof METRICS)[keyof typeof METRICS];
