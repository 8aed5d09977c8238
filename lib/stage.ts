import * as z from 'zod';
import { STAGE_NAME } from '../core/contracts/fields.ts';
import { VOLUME_GB } from '../core/contracts/machines.ts';
import { PRICES_AS_OF, USD_PER_HOUR } from '../core/contracts/prices.ts';

/** Documents a parameter for docs/configuration.md. `absent`: what applies without a value, if that is not a constant. */
const parameter = <Schema extends z.ZodType>(schema: Schema, description: string, absent?: string): Schema =>
  schema.meta({ description, ...(absent !== undefined && { absent }) });
/** A published speaker model, a file of the user's own in the bucket, or none. @see gpu_worker/speech/speakers/speakers.json */
const isSpeakerModel = (name: string): boolean => ['campplus', 'ge2e', 'none'].includes(name) || /^[\w.-]+\.onnx$/.test(name);

const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter(Boolean));

/** Context parameters of a stage (`-c name=value`). */
export const Stage = z.strictObject({
  stage: parameter(z.string().regex(STAGE_NAME, 'must be a short lower-case name').default('dev'), 'Name of the stage.'),
  retainData: parameter(
    z.stringbool().optional(),
    'Keeps the data when the stack is deleted, and protects the stack against deletion.',
    '`true`, unless the stage is disposable',
  ),
  disposable: parameter(
    z.stringbool().optional(),
    'Deletes the uploaded files and results with the stack. With `retainData=false` alone, a stack with files cannot be deleted.',
    '`true` for the stage `dev`',
  ),
  instanceType: parameter(
    z
      .string()
      .regex(/^[a-z0-9]+\.[a-z0-9]+$/)
      .default('g4dn.xlarge'),
    'Type of the GPU machines.',
  ),
  volumeGb: parameter(
    z.coerce.number().int().min(VOLUME_GB.min).max(VOLUME_GB.max).default(VOLUME_GB.default),
    "Volume of each GPU machine in GB. It also costs money while the machine is stopped. It cannot be smaller than the image's volume: 20 GB with [your own image](deploying.md#your-own-smaller-image).",
  ),
  poolSize: parameter(
    z.coerce.number().int().min(1).max(10).default(1),
    'GPU machines that runs can use, in different availability zones. Each has a volume of its own.',
  ),
  backlogSecondsPerMachine: parameter(
    z.coerce
      .number()
      .positive()
      .default(4 * 3600),
    'Seconds of waiting audio for which a run uses one more machine.',
  ),
  dailyBudgetUsd: parameter(
    z.coerce.number().positive().default(2),
    'USD of GPU time per day (UTC) after which no machine is started. Work waits; recording continues.',
  ),
  gpuUsdPerHour: parameter(
    z.coerce.number().nonnegative().optional(),
    'Price of a running GPU machine, for the budget and the costs shown.',
    'price of the instance type in us-east-1',
  ),
  alarmEmail: parameter(z.email().optional(), 'Address that receives the alarms.', 'no mail'),
  emailFrom: parameter(
    z.email().optional(),
    'Sender of mail to users whose session or file is done. SES asks this address to confirm. A new SES account can write only to confirmed addresses until you request production access. Each stage of an account and region needs its own sender.',
    'no mail',
  ),
  model: parameter(z.string().min(1).default('small.en'), 'Published model that the worker loads.'),
  liveDefault: parameter(
    z.stringbool().default(true),
    'Whether sessions that do not specify `live` are transcribed while they are recorded. The GPU then runs as long as the recording does (`gpuUsdPerHour` per hour) instead of some minutes per batch.',
  ),
  models: parameter(
    list,
    'Further published models that users may request for a file, comma-separated. They are loaded on demand, one at a time.',
  ),
  compressFiles: parameter(z.stringbool().default(true), 'Keeps WAV and FLAC files as Opus after they are transcribed.'),
  maxOpenJobs: parameter(z.coerce.number().int().min(1).max(10_000).default(100), 'Open file jobs per user.'),
  maxAudioHours: parameter(z.coerce.number().positive().default(48), 'Hours of audio in files per user and day (UTC).'),
  webhookLoopback: parameter(z.stringbool().default(false), 'Allows webhooks to loopback addresses; only for the local host.'),
  webhookPorts: parameter(
    z
      .string()
      .regex(/^(\d{1,5}(,\d{1,5})*)?$/, 'must be port numbers, comma-separated')
      .default(''),
    'Ports besides 443 that webhook addresses may have, comma-separated.',
  ),
  speakerModel: parameter(
    z
      .string()
      .refine(isSpeakerModel, 'must be campplus, ge2e, the name of an .onnx file, or none')
      .default('campplus')
      .transform((name) => (name === 'none' ? undefined : name)),
    "Speaker-embedding model: a published name (`campplus` or `ge2e`), or an ONNX file of your own at `models/<name>.onnx` in the stage's bucket (80 Kaldi filter banks in, one vector out). Sessions and files may then request `diarize`. `none`: no speaker detection.",
  ),
  knownVoices: parameter(
    z.stringbool().default(false),
    'Users may save the voices of named speakers, so that later transcripts suggest the names. Voices are biometric data: check what the law requires of you first. `speakerModel` is required.',
  ),
  idleSeconds: parameter(
    z.coerce.number().int().min(1).max(900).default(120),
    'Seconds without work after which a run ends and the machine stops.',
  ),
  batchEveryHours: parameter(
    z.coerce
      .number()
      .int()
      .refine((hours) => hours >= 1 && 24 % hours === 0, 'must be a divisor of 24')
      .default(2),
    'Hours between two batches, a divisor of 24. The first batch of a day starts at 00:00 UTC.',
  ),
  maxBlockedHours: parameter(z.coerce.number().positive().default(6), 'Hours that recordings can delay the batch.'),
  amiId: parameter(
    z
      .string()
      .regex(/^ami-[0-9a-f]{8,17}$/)
      .optional(),
    'Image of the GPU machines. A changed image replaces the machine.',
    'the Ubuntu 24.04 image with NVIDIA drivers that is the newest at the first deployment',
  ),
  reserveReaper: parameter(
    z.stringbool().default(false),
    'Reserves two concurrent Lambda executions for the reaper, so that a flood of calls cannot delay the stop of a machine. The account needs a limit above 102, because AWS keeps 100 for functions without a reservation.',
  ),
  apiRequestsPerSecond: parameter(
    z.coerce.number().int().min(10).max(10_000).default(1000),
    'API calls per second of all users together before API Gateway responds with 429; bursts may be twice as large. AWS allows an account 10,000 per region for all of its APIs. In addition, each user has [limits](recording-clients.md#limits-of-a-user).',
  ),
  origins: parameter(
    z
      .string()
      .default('http://localhost:5173')
      .transform((text) => text.split(',')),
    "Further browser origins that may call the API and upload, comma-separated. The pages' own address needs none.",
  ),
  domain: parameter(
    z
      .string()
      .regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'must be a host name')
      .optional(),
    'Host name of the pages. It requires `certificateArn`, and a DNS record that you point to the output `PagesTarget`.',
    "CloudFront's own",
  ),
  certificateArn: parameter(
    z
      .string()
      .regex(/^arn:aws:acm:us-east-1:\d{12}:certificate\/[\w-]+$/, 'must be the ARN of a certificate in us-east-1')
      .optional(),
    'ACM certificate of the domain, in us-east-1.',
    'none',
  ),
  tags: parameter(
    z
      .string()
      .regex(/^([\w.:/+@ -]+=[\w.:/+@ -]*)?(,[\w.:/+@ -]+=[\w.:/+@ -]*)*$/, 'must be name=value, comma-separated')
      .default('')
      .transform((text) =>
        Object.fromEntries(
          text
            .split(',')
            .filter(Boolean)
            .map((pair) => {
              const [name = '', value = ''] = pair.split('=');
              return [name, value];
            }),
        ),
      ),
    'Further tags of all resources, such as for cost allocation: `name=value`, comma-separated.',
  ),
  retentionDays: parameter(
    z.coerce.number().int().min(0).default(0),
    'Days after which uploaded audio and results are deleted; 0: never.',
  ),
});

/** Validated parameters of a stage, with all defaults. */
export interface StageProps extends Omit<z.infer<typeof Stage>, 'stage' | 'retainData' | 'disposable' | 'gpuUsdPerHour'> {
  /** Name of the stage. */
  readonly name: string;
  /** Price of a running GPU machine, in USD per hour. */
  readonly gpuUsdPerHour: number;
  /** Whether the data is kept when the stack is deleted. */
  readonly retainData: boolean;
  /** Whether the files in the bucket are deleted with the stack. */
  readonly disposable: boolean;
}

/**
 * Parses the context: strings from `-c`, or numbers and booleans from files. CDK's own keys contain `@` or `:` (`@aws-cdk/…`,
 * `aws:cdk:…`) and are ignored; any other unknown key is an error.
 * @throws Error that lists all invalid values
 */
export function stageFrom(context: Readonly<Record<string, unknown>>): StageProps {
  const given = Object.entries(context).filter(([name, value]) => /^\w+$/.test(name) && value !== undefined);
  const parsed = Stage.safeParse(Object.fromEntries(given.map(([name, value]) => [name, String(value)])));
  if (!parsed.success) throw new Error(`context: ${z.prettifyError(parsed.error)}`);
  const { stage, gpuUsdPerHour = USD_PER_HOUR[parsed.data.instanceType], ...rest } = parsed.data;
  const { disposable = stage === 'dev' && rest.retainData !== true, retainData = !disposable } = rest;
  if (disposable && retainData) throw new Error('context: disposable and retainData contradict each other');
  if (gpuUsdPerHour === undefined)
    throw new Error(
      `context: gpuUsdPerHour: required for ${rest.instanceType}, because the price list of ${PRICES_AS_OF} does not include it`,
    );
  if ((rest.domain === undefined) !== (rest.certificateArn === undefined))
    throw new Error('context: domain and certificateArn must be set together');
  if (rest.knownVoices && rest.speakerModel === undefined)
    throw new Error('context: knownVoices: requires a speakerModel, which measures the voices');
  if (rest.webhookLoopback && stage !== 'local') throw new Error('context: webhookLoopback: allowed on the local host only');
  return { ...rest, name: stage, gpuUsdPerHour, retainData, disposable };
}
