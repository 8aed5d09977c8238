/**
 * On-demand prices of Linux GPU instances in us-east-1, USD per running hour, as published on 2025-01-15.
 * A stage in another region, or on a later day, says its own by `gpuUsdPerHour`.
 * @see https://aws.amazon.com/ec2/pricing/on-demand/
 */
export const PRICES_AS_OF = '2025-01-15';
export const USD_PER_HOUR: Readonly<Record<string, number>> = {
  'g4dn.xlarge': 0.526,
  'g4dn.2xlarge': 0.752,
  'g5.xlarge': 1.006,
  'g5.2xlarge': 1.212,
  'g6.xlarge': 0.8048,
  'g6.2xlarge': 0.9776,
};
