/** Our own CloudWatch metrics: dimension `Stage` only, ids are in the logs. */
export const METRICS_NAMESPACE = 'Chunkscribe';
export const METRICS = {
  /** Count: a machine runs minutes after its stop was decided. */
  stopNotConfirmed: 'StopNotConfirmed',
} as const;
export type Metric = (typeof METRICS)[keyof typeof METRICS];
