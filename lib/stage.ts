import * as z from 'zod';
import { PRICES_AS_OF, USD_PER_HOUR } from '../core/contracts/prices.ts';

/** What a stage may choose, by context (`-c name=value`). All mistakes are told together at synth. */
const Stage = z.strictObject({
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9]{1,15}$/, 'a short lower-case name')
    .default('dev'),
  /** Keep data when the stack goes, and guard the stack against deletion. Default: only for the stage `prod`. */
  retainData: z.stringbool().optional(),
  instanceType: z
    .string()
    .regex(/^[a-z0-9]+\.[a-z0-9]+$/)
    .default('g4dn.xlarge'),
  /** Of each GPU machine; it costs also while the machine is stopped. Not smaller than the AMI's own. */
  volumeGb: z.coerce.number().int().min(30).max(1000).default(75),
  /** Stopped GPU machines that runs can take, spread over availability zones. */
  poolSize: z.coerce.number().int().min(1).max(10).default(1),
  /** Seconds of waiting audio for which a run takes one machine more. */
  backlogSecondsPerMachine: z.coerce
    .number()
    .positive()
    .default(4 * 3600),
  /** USD that the GPU may cost in a day (UTC) before no machine is started any more. */
  dailyBudgetUsd: z.coerce.number().positive().default(2),
  /** Price of a running GPU machine; without it what core/contracts/prices.ts knows of the type in us-east-1. */
  gpuUsdPerHour: z.coerce.number().nonnegative().optional(),
  /** Who is told of alarms; nobody without it. */
  alarmEmail: z.email().optional(),
  /** Sender of mail to users, confirmed with SES; without it users are not told anything by mail. */
  emailFrom: z.email().optional(),
  /** Published model's name, loaded by the worker. */
  model: z.string().min(1).default('small.en'),
  /**
   * Whether sessions that do not say so are transcribed while they are recorded: the GPU then runs for about as long as the
   * recording does (gpuUsdPerHour for each hour), instead of some minutes per batch.
   */
  liveDefault: z.stringbool().default(true),
  /** Further models that users may ask for with a file, comma-separated; the worker loads them on demand. */
  models: z
    .string()
    .default('')
    .transform((list) => list.split(',').filter(Boolean)),
  /** Whether WAV and FLAC files are kept as Opus once they are transcribed. */
  compressFiles: z.stringbool().default(true),
  /** File jobs that a user may have open at a time. */
  maxOpenJobs: z.coerce.number().int().min(1).max(10_000).default(100),
  /** Hours of audio that a user may have transcribed from files in a day (UTC). */
  maxAudioHours: z.coerce.number().positive().default(48),
  /** Whether users may have loopback addresses called; for the local host. */
  webhookLoopback: z.stringbool().default(false),
  /** Speaker-embedding model (ONNX) below models/ in the stage's bucket; without it no speakers are found. */
  speakerModel: z
    .string()
    .regex(/^[\w.-]+\.onnx$/, 'the name of an .onnx file')
    .optional(),
  /** Seconds without work after which a run ends and the GPU stops. */
  idleSeconds: z.coerce.number().int().min(1).max(900).default(120),
  /** Hours between two batches; they begin at 00:00 UTC. */
  batchEveryHours: z.coerce
    .number()
    .int()
    .refine((hours) => hours >= 1 && 24 % hours === 0, 'a divisor of 24')
    .default(2),
  /** Hours that recordings may hold the batch back before it goes ahead behind them. */
  maxBlockedHours: z.coerce.number().positive().default(6),
  /** Pinned AMI; without it the newest Ubuntu 24.04 with NVIDIA drivers at deployment (a changed id replaces the machine). */
  amiId: z
    .string()
    .regex(/^ami-[0-9a-f]{8,17}$/)
    .optional(),
  /** Browser origins that may call the API and upload, comma-separated. */
  origins: z
    .string()
    .default('http://localhost:5173')
    .transform((list) => list.split(',')),
  /** Address of the pages, instead of CloudFront's own; needs `certificateArn`, and a DNS record of yours that points there. */
  domain: z
    .string()
    .regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'a host name')
    .optional(),
  /** Certificate of ACM for the domain; CloudFront takes it from us-east-1 only. */
  certificateArn: z
    .string()
    .regex(/^arn:aws:acm:us-east-1:\d{12}:certificate\/[\w-]+$/, 'a certificate in us-east-1')
    .optional(),
  /** Further tags of everything, for bills: `name=value`, comma-separated. */
  tags: z
    .string()
    .regex(/^([\w.:/+@ -]+=[\w.:/+@ -]*)?(,[\w.:/+@ -]+=[\w.:/+@ -]*)*$/, 'name=value, comma-separated')
    .default('')
    .transform((list) =>
      Object.fromEntries(
        list
          .split(',')
          .filter(Boolean)
          .map((pair) => pair.split('=', 2) as [string, string]),
      ),
    ),
  /** Days after which uploaded audio and results are deleted; 0: never. */
  retentionDays: z.coerce.number().int().min(0).default(0),
});

export interface StageProps extends Omit<z.infer<typeof Stage>, 'stage' | 'retainData' | 'gpuUsdPerHour'> {
  readonly name: string;
  readonly gpuUsdPerHour: number;
  readonly retainData: boolean;
}

/**
 * The stage of a context: text as `-c` gives it, or numbers and booleans as files have them. CDK's own entries have a sign in
 * their names (`@aws-cdk/…`, `aws:cdk:…`); any other that is not known here is a mistake.
 * @throws Error that lists every context value that is wrong
 */
export function stageFrom(context: Readonly<Record<string, unknown>>): StageProps {
  const given = Object.entries(context).filter(([name, value]) => /^\w+$/.test(name) && value !== undefined);
  const parsed = Stage.safeParse(Object.fromEntries(given.map(([name, value]) => [name, String(value)])));
  if (!parsed.success) throw new Error(`context: ${z.prettifyError(parsed.error)}`);
  const { stage, retainData, gpuUsdPerHour = USD_PER_HOUR[parsed.data.instanceType], ...rest } = parsed.data;
  if (gpuUsdPerHour === undefined)
    throw new Error(
      `context: gpuUsdPerHour: say what ${rest.instanceType} costs; the prices known here, of ${PRICES_AS_OF}, have none`,
    );
  if ((rest.domain === undefined) !== (rest.certificateArn === undefined))
    throw new Error('context: domain and certificateArn: one needs the other');
  if (rest.webhookLoopback && stage !== 'local') throw new Error('context: webhookLoopback: only the local host has it');
  return { ...rest, name: stage, gpuUsdPerHour, retainData: retainData ?? stage === 'prod' };
}
