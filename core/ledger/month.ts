/** What a month of a stage costs, estimated from its parameters and from how much is recorded. Pure arithmetic on dated prices. */
import { FREE, USD } from '../contracts/prices.ts';

export interface MonthOf {
  /** Recorded in a month, in all. */
  readonly audioHours: number;
  /** Share of them that is transcribed while it is recorded; the rest waits for the batch. */
  readonly liveShare: number;
  readonly gpuUsdPerHour: number;
  readonly poolSize: number;
  readonly volumeGb: number;
  readonly idleSeconds: number;
  /** Audio seconds a second of the GPU transcribes. */
  readonly speed: number;
  readonly bootSeconds: number;
  /** Batches that find something to do. */
  readonly batches: number;
  readonly alarms: number;
  readonly metrics: number;
  /** Days after which audio is deleted; 0: never, and the month's own audio is what is counted. */
  readonly retentionDays: number;
}

export interface CostLine {
  readonly what: string;
  readonly usd: number;
  readonly how: string;
}

const DAYS = 30;
const CHUNK_SECONDS = 30;
const OPUS_GB_PER_HOUR = (32_000 / 8) * 3600 * 1e-9;
/** A chunk's way, rounded up: functions of 0.1 s with 512 MB. */
const PER_CHUNK = { writes: 8, reads: 10, functions: 8, gbSeconds: 8 * 0.1 * 0.5, sqs: 6, puts: 3, gets: 4, calls: 3 };
const TRANSITIONS_PER_RUN = 30;
/** Functions that run whether anything is recorded or not: the reaper every minute, the batch's runner. */
const ALWAYS_CALLS = 2 * 60 * 24 * DAYS;
const POLLS_PER_RUNNING_HOUR = 5 * 180;
const LOG_GB_PER_HOUR = 0.005;

const perHour = (count: number): string => `${count.toFixed(1)} h`;

/** Seconds that machines run: transcribing, booting, waiting; of live recordings as long as they last. */
export function gpuHours(month: MonthOf): { readonly live: number; readonly batch: number } {
  const live = month.audioHours * month.liveShare;
  const stored = month.audioHours - live;
  const wakes = stored > 0 ? month.batches : 0;
  const batch = stored / month.speed + (wakes * (month.bootSeconds + month.idleSeconds)) / 3600;
  return { live: live === 0 ? 0 : live + (live * (month.bootSeconds + month.idleSeconds)) / 3600, batch };
}

/** The month's lines, dearest first. */
export function monthOf(month: MonthOf): CostLine[] {
  const { live, batch } = gpuHours(month);
  const running = live + batch;
  const chunks = (month.audioHours * 3600) / CHUNK_SECONDS;
  const runs = month.batches + month.audioHours * month.liveShare;
  const keptGb = month.audioHours * OPUS_GB_PER_HOUR * (month.retentionDays > 0 ? Math.min(1, month.retentionDays / DAYS) : 1);
  const { writes, reads, functions, gbSeconds, sqs, puts, gets, calls } = PER_CHUNK;
  const lines: CostLine[] = [
    { what: 'GPU, live', usd: live * month.gpuUsdPerHour, how: `${perHour(live)} at ${month.gpuUsdPerHour}` },
    { what: 'GPU, batch', usd: batch * month.gpuUsdPerHour, how: `${perHour(batch)} at ${month.gpuUsdPerHour}` },
    {
      what: 'volumes of the machines',
      usd: month.poolSize * month.volumeGb * USD.volumeGbMonth,
      how: `${month.poolSize} of ${month.volumeGb} GB, also while they are stopped`,
    },
    { what: 'public addresses', usd: running * USD.addressHour, how: `${perHour(running)}, only while they run` },
    {
      what: 'alarms and metrics',
      usd: Math.max(0, month.alarms - FREE.alarms) * USD.alarm + Math.max(0, month.metrics - FREE.metrics) * USD.metric,
      how: `${month.alarms} alarms, ${month.metrics} metrics; ten of each are free`,
    },
    {
      what: 'functions, API, workflow',
      usd:
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
        running * POLLS_PER_RUNNING_HOUR * USD.sqsCall,
      how: `${writes} writes and ${reads} reads a chunk`,
    },
    {
      what: 'storage',
      usd: keptGb * USD.s3GbMonth + chunks * (puts * USD.s3Put + gets * USD.s3Get),
      how: `${keptGb.toFixed(1)} GB of this month; each kept month adds as much`,
    },
    { what: 'logs', usd: (running * LOG_GB_PER_HOUR + 0.1) * USD.logGb, how: 'about 0.1 GB and 5 MB a running hour' },
  ];
  return lines.filter(({ usd }) => usd >= 0.005).sort((a, b) => b.usd - a.usd);
}
