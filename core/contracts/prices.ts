/**
 * On-demand prices in us-east-1, in USD, as published on 2025-01-15. A stage in another region, or at a later price, sets
 * `gpuUsdPerHour`; the other prices are for estimates only.
 * @see https://aws.amazon.com/ec2/pricing/on-demand/
 */
export const PRICES_AS_OF = '2025-01-15';
/** Price of a running Linux machine. */
export const USD_PER_HOUR: Readonly<Record<string, number>> = {
  'g4dn.xlarge': 0.526,
  'g4dn.2xlarge': 0.752,
  'g5.xlarge': 1.006,
  'g5.2xlarge': 1.212,
  'g6.xlarge': 0.8048,
  'g6.2xlarge': 0.9776,
};
/** Prices for monthly estimates, other than those of the machines. */
export const USD = {
  /** EBS gp3, per GB and month; also charged while the machine is stopped. */
  volumeGbMonth: 0.08,
  /** EBS snapshot, per GB stored and month; free for AWS's images. */
  snapshotGbMonth: 0.05,
  /** Public IPv4 address, per hour; only charged while the machine runs. */
  addressHour: 0.005,
  s3GbMonth: 0.023,
  s3Put: 0.005 / 1000,
  s3Get: 0.0004 / 1000,
  dynamoWrite: 0.625 / 1_000_000,
  dynamoRead: 0.125 / 1_000_000,
  sqsCall: 0.4 / 1_000_000,
  /** S3's events on EventBridge, which a bucket opts in to. */
  event: 1 / 1_000_000,
  kmsCall: 0.03 / 10_000,
  httpApiCall: 1 / 1_000_000,
  lambdaCall: 0.2 / 1_000_000,
  /** arm64. */
  lambdaGbSecond: 0.0000133334,
  transition: 0.025 / 1000,
  logGb: 0.5,
  alarm: 0.1,
  metric: 0.3,
} as const;
/** Free alarms and custom metrics of each account. */
export const FREE = { alarms: 10, metrics: 10 } as const;
