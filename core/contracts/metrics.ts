/** Custom CloudWatch metrics. Their only dimension is `Stage`; ids are in the logs. */
export const METRICS_NAMESPACE = 'Chunkscribe';
export const METRICS = {
  /** Count: batch runs that found nothing missing or completed everything. A run blocked by a lock is not counted. */
  batchSucceeded: 'BatchSucceeded',
  /** 1 while no batch run has succeeded for six hours. */
  batchOverdue: 'BatchOverdue',
  /** Count: batch runs that failed or completed only in part. */
  batchFailed: 'BatchFailed',
  /** Percent of a batch run's chunks that have failed permanently. Published only if there are any. */
  failedChunksPercent: 'FailedChunksPercent',
  /** Count: chunks of a batch run that have failed permanently. */
  deadChunks: 'DeadChunks',
  /** Seconds that machines have run since a batch run began; published while it is working. */
  batchGpuSeconds: 'BatchGpuSeconds',
  /** Count: emails to users that could not be sent. They are not retried. */
  mailFailed: 'MailFailed',
  /** USD of GPU time today (UTC); published while a machine runs. */
  costToday: 'CostTodayUsd',
  /** Count: file jobs that were completed, and that failed. */
  filesCompleted: 'FilesCompleted',
  filesFailed: 'FilesFailed',
  /** Processing time of a file per minute of its audio, in seconds. */
  secondsPerAudioMinute: 'SecondsPerAudioMinute',
  /** Count: file jobs without progress for half an hour that were resumed or failed. */
  stuckJobs: 'StuckJobs',
  /** Peak memory of today's worker process, in MB; published while a machine runs. */
  workerMemory: 'WorkerMemoryMb',
  /** Count: items (sessions, files, users, machines or deliveries) that could not be processed. The log names them. */
  itemsFailed: 'ItemsFailed',
  /** Count: machines that still run minutes after their stop was decided. */
  stopNotConfirmed: 'StopNotConfirmed',
} as const;
export type Metric = (typeof METRICS)[keyof typeof METRICS];
