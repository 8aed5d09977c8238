/** Estimates the monthly cost of a stage from its parameters and the hours recorded. Pure arithmetic on dated prices. */
import { OWN_IMAGE, VOLUME_GB } from '../contracts/machines.ts';
import { FREE, USD } from '../contracts/prices.ts';

/** What an estimate is computed from. */
export interface MonthInputs {
  /** Hours recorded per month. */
  readonly audioHours: number;
  /** Share of these hours that is transcribed during recording; the rest waits for the batch. */
  readonly liveShare: number;
  readonly gpuUsdPerHour: number;
  readonly poolSize: number;
  readonly volumeGb: number;
  /** GB that the snapshot of the image stores; 0 for AWS's image, whose snapshot belongs to AWS. */
  readonly imageGb: number;
  readonly idleSeconds: number;
  /** Seconds of audio transcribed per GPU second. */
  readonly speed: number;
  readonly bootSeconds: number;
  /** Batch runs per month that find work. */
  readonly batches: number;
  readonly alarms: number;
  /** Custom metrics of the stage; those of its machines are added. */
  readonly metrics: number;
  /** Days after which audio is deleted; 0: never. Only audio of this month is counted. */
  readonly retentionDays: number;
}

/** One line of an estimate; `how` explains the amount. */
export interface CostLine {
  readonly what: string;
  readonly usd: number;
  readonly how: string;
}

const DAYS = 30;
const CHUNK_SECONDS = 30;
const OPUS_GB_PER_HOUR = (32_000 / 8) * 3600 * 1e-9;
/** Requests per chunk, rounded up; functions of 0.1 s with 512 MB. */
const PER_CHUNK = { writes: 10, reads: 15, functions: 8, gbSeconds: 0.4, sqs: 6, puts: 4, gets: 10, calls: 3, events: 4 };
const TRANSITIONS_PER_RUN = 30;
const MINUTES = 60 * 24 * DAYS;
/** Invocations per month that do not depend on recordings: reaper, batch runner and webhook sender every minute, session keeper every five. */
const ALWAYS_CALLS = 3.2 * MINUTES;
const POLLS_PER_RUNNING_HOUR = 5 * 180;
/** Lambda polls the queue of webhooks with five pollers of 20 s each, day and night. */
const ALWAYS_POLLS = 5 * 3 * MINUTES;
/** Calls of KMS: DynamoDB asks for the key of each of ten tables every five minutes while the table is used. */
const KEY_CALLS = (10 * MINUTES) / 5;
/** Metrics of a running machine: detailed monitoring has seven, the CloudWatch agent five. */
const MACHINE_METRICS = 7 + 5;
/** Metrics that are published day and night: each batch run reports its success, also if there is nothing to do. */
const ALWAYS_METRICS = 1;
const LOG_GB_PER_HOUR = 0.005;

const above = (count: number, free: number): number => Math.max(0, count - free);
const asHours = (count: number): string => `${count.toFixed(1)} h`;

/** Hours that machines run, boots and idle time included. Assumes one start per hour of live audio. */
export function gpuHours(month: MonthInputs): { readonly live: number; readonly batch: number } {
  const live = month.audioHours * month.liveShare;
  const stored = month.audioHours - live;
  const wakes = stored > 0 ? month.batches : 0;
  const batch = stored / month.speed + (wakes * (month.bootSeconds + month.idleSeconds)) / 3600;
  return { live: live === 0 ? 0 : live + (live * (month.bootSeconds + month.idleSeconds)) / 3600, batch };
}

/**
 * Metrics times months. A metric is billed for each hour in which it is published; all but one are published at most while a
 * machine runs or something fails. Every start of a machine may begin one more hour.
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
const metricMonths = (month: MonthInputs, running: number, runs: number): number =>
  ALWAYS_METRICS + (month.metrics + MACHINE_METRICS) * Math.min(month.poolSize, (running + runs) / (24 * DAYS));

/** Cost lines of the month, highest first; lines below half a cent are omitted. */
export function estimateMonth(month: MonthInputs): CostLine[] {
  const { live, batch } = gpuHours(month);
  const running = live + batch;
  const chunks = (month.audioHours * 3600) / CHUNK_SECONDS;
  const runs = month.batches + month.audioHours * month.liveShare;
  const metrics = metricMonths(month, running, runs);
  const keptGb = month.audioHours * OPUS_GB_PER_HOUR * (month.retentionDays > 0 ? Math.min(1, month.retentionDays / DAYS) : 1);
  const { writes, reads, functions, gbSeconds, sqs, puts, gets, calls, events } = PER_CHUNK;
  const lines: CostLine[] = [
    { what: 'GPU, live', usd: live * month.gpuUsdPerHour, how: `${asHours(live)} at ${month.gpuUsdPerHour}` },
    { what: 'GPU, batch', usd: batch * month.gpuUsdPerHour, how: `${asHours(batch)} at ${month.gpuUsdPerHour}` },
    {
      what: 'machine volumes',
      usd: month.poolSize * month.volumeGb * USD.volumeGbMonth,
      how: `${month.poolSize} of ${month.volumeGb} GB, billed also while stopped`,
    },
    {
      what: 'snapshot of the image',
      usd: month.imageGb * USD.snapshotGbMonth,
      how: `about ${month.imageGb} GB; empty blocks are not stored`,
    },
    { what: 'public addresses', usd: running * USD.addressHour, how: `${asHours(running)}, only while machines run` },
    { what: 'alarms', usd: above(month.alarms, FREE.alarms) * USD.alarm, how: `${month.alarms} alarms; ten are free` },
    {
      what: 'metrics',
      usd: above(metrics, FREE.metrics) * USD.metric,
      how: `${metrics.toFixed(1)} months of a metric, most only while machines run; ten are free`,
    },
    { what: 'table keys', usd: KEY_CALLS * USD.kmsCall, how: `${KEY_CALLS} calls of KMS, at most` },
    {
      what: 'functions, API, workflow, events',
      usd:
        chunks * events * USD.event +
        (chunks * functions + ALWAYS_CALLS) * USD.lambdaCall +
        (chunks * gbSeconds + ALWAYS_CALLS * 0.1 * 0.5) * USD.lambdaGbSecond +
        chunks * calls * USD.httpApiCall +
        runs * TRANSITIONS_PER_RUN * USD.transition,
      how: `${Math.round(chunks)} chunks, ${Math.round(runs)} runs`,
    },
    {
      what: 'tables and queues',
      usd:
        chunks * (writes * USD.dynamoWrite + reads * USD.dynamoRead + sqs * USD.sqsCall) +
        ALWAYS_CALLS * 3 * USD.dynamoRead +
        (ALWAYS_POLLS + running * POLLS_PER_RUNNING_HOUR) * USD.sqsCall,
      how: `${writes} writes and ${reads} reads per chunk`,
    },
    {
      what: 'storage',
      usd: keptGb * USD.s3GbMonth + chunks * (puts * USD.s3Put + gets * USD.s3Get),
      how: `${keptGb.toFixed(1)} GB of this month; each retained month adds the same`,
    },
    { what: 'logs', usd: (running * LOG_GB_PER_HOUR + 0.1) * USD.logGb, how: 'about 0.1 GB, and 5 MB per running hour' },
  ];
  return lines.filter(({ usd }) => usd >= 0.005).sort((a, b) => b.usd - a.usd);
}

/** Sum of the lines. */
export const totalUsd = (lines: readonly CostLine[]): number => lines.reduce((all, { usd }) => all + usd, 0);

/** The same month with the other image: the own one if this one uses AWS's, and the reverse. */
export const withOtherImage = (month: MonthInputs): MonthInputs =>
  month.imageGb === 0
    ? { ...month, volumeGb: OWN_IMAGE.volumeGb, imageGb: OWN_IMAGE.usedGb }
    : { ...month, volumeGb: VOLUME_GB.default, imageGb: 0 };
