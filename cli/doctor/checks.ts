/** The doctor's checks: one line per check, with a remedy if it fails. Pure functions of the gathered facts; no AWS calls. */
import { isEnglishOnly } from '../../core/contracts/languages.ts';
import { MULTILINGUAL_EXAMPLE } from '../../core/contracts/models.ts';
import { DAY_MS } from '../../core/time.ts';

/** Result of a lookup; `unknown` if the lookup itself failed. */
export type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Facts {
  /** The stage is the local host, so the account checks do not apply. */
  readonly isLocal: boolean;
  /** Model of the local host and its languages (`en` or `multilingual`), as detected from the model's files. */
  readonly localModel?: { readonly name: string; readonly languages: string } | undefined;
  readonly nowMs: number;
  readonly stage: string;
  readonly stackName: string;
  readonly region: string | undefined;
  readonly caller: Found<string>;
  readonly instanceType: string;
  /** Virtual CPUs of the instance type, and the account's quota for "On-Demand G and VT" instances. */
  readonly vcpus: Found<number>;
  readonly vcpuQuota: Found<number>;
  /** The zones in which the stack places machines, the first one first, and all zones that offer the instance type. */
  readonly zones: Found<{ readonly first: readonly string[]; readonly offered: readonly string[] }>;
  /** Size of the machine's volume, and of its image. */
  readonly volumeGb: number;
  readonly image: Found<{ readonly id: string; readonly sizeGb: number }>;
  /** Whether SES may send, and to unconfirmed addresses too. */
  readonly mail: Found<{ readonly isProduction: boolean; readonly canSend: boolean }>;
  /** Whether the stage transcribes during recording. */
  readonly isLive: boolean;
  /** The account's limit of concurrent Lambda executions. */
  readonly concurrency: Found<number>;
  readonly bootstrapVersion: Found<number>;
  readonly stack: Found<{ readonly status: string; readonly outputs: Readonly<Record<string, string>> }>;
  readonly api: Found<{ readonly status: number; readonly stage: string | undefined }>;
  /** Status of each table in the stack's outputs. */
  readonly tables: Readonly<Record<string, Found<string>>>;
  /** Parameter that the machine reads at boot, and when it was last changed. */
  readonly workerConfig: Found<{ readonly values: Readonly<Record<string, string>>; readonly sinceMs: number }>;
  /** Queues named in `workerConfig`. */
  readonly queues: Readonly<Record<string, Found<true>>>;
  readonly machines: readonly { readonly id: string; readonly state: Found<string> }[];
  /** Newest usage row of the ledger; `missing` if there is none within a week. */
  readonly lastWork: Found<{
    readonly atMs: number;
    readonly version: string | undefined;
    readonly model: string | undefined;
    readonly device?: string | undefined;
  }>;
  /** Error of the last failed GPU run. */
  readonly lastError: Found<string>;
  readonly lastReport: Found<{ readonly name: string; readonly status: string; readonly atMs: number }>;
}

export interface Line {
  readonly name: string;
  /** `waits`: not checked, because a check above failed. */
  readonly state: 'good' | 'notice' | 'bad' | 'waits';
  readonly says: string;
  readonly todo?: string;
}

/** The template requires this version; older bootstrap stacks have no asset bucket for it. */
const MIN_BOOTSTRAP = 6;
/** Required outputs of the stack. */
export const OUTPUTS = [
  ...['ApiUrl', 'PagesUrl', 'UserPoolId', 'UserPoolClientId', 'BucketName', 'InstanceIds', 'WorkerConfigName'],
  ...['SessionsTable', 'ChunksTable', 'FleetTable', 'LedgerTable', 'SettingsTable', 'JobsTable', 'BatchTable', 'WebhooksTable'],
];
/** Tables that the worker's configuration and the stack's outputs must agree on. */
export const SHARED_TABLES = {
  CHUNKS_TABLE: 'ChunksTable',
  SESSIONS_TABLE: 'SessionsTable',
  FLEET_TABLE: 'FleetTable',
  LEDGER_TABLE: 'LedgerTable',
  BATCH_TABLE: 'BatchTable',
} as const;
/** New accounts have 10, so calls would be throttled with several concurrent recorders. */
const ENOUGH_CONCURRENCY = 100;
const LIVE_CONCURRENCY = 50;
const BATCH_LATE_MS = 6 * 3_600_000;

const good = (says: string) => ({ state: 'good', says }) as const;
const notice = (says: string, todo: string) => ({ state: 'notice', says, todo }) as const;
const bad = (says: string, todo: string) => ({ state: 'bad', says, todo }) as const;
type Verdict = Omit<Line, 'name'>;

function credentials({ isLocal, caller }: Facts): Verdict {
  if (isLocal) return good('not needed for the local host');
  if (caller.kind === 'found') return good(caller.value);
  const reason = caller.kind === 'unknown' ? caller.reason : 'no credentials';
  return bad(reason, 'run aws configure sso or set AWS_PROFILE, then run the doctor again');
}

function region({ region, isLocal }: Facts): Verdict {
  if (isLocal) return good('not needed for the local host');
  return region === undefined
    ? bad('not set', 'export AWS_REGION=… (where the stage is, or will be)')
    : good(`${region}; the stage must be there`);
}

function quota({ isLocal, instanceType, vcpus, vcpuQuota }: Facts): Verdict {
  if (isLocal) return good('not needed for the local host');
  if (vcpus.kind !== 'found')
    return bad(`${instanceType} is not available in this region`, 'choose another instanceType or another region');
  if (vcpuQuota.kind === 'unknown')
    return notice(vcpuQuota.reason, 'check Service Quotas, EC2, "Running On-Demand G and VT instances"');
  const granted = vcpuQuota.kind === 'found' ? vcpuQuota.value : 0;
  return granted >= vcpus.value
    ? good(`quota of ${granted} vCPUs for G instances; ${instanceType} needs ${vcpus.value}`)
    : bad(
        `quota of ${granted} vCPUs for G instances, but ${instanceType} needs ${vcpus.value}: it cannot start`,
        'aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA --desired-value 4 (takes hours to days)',
      );
}

function zones({ instanceType, zones }: Facts): Verdict {
  if (zones.kind !== 'found')
    return notice('the zones of the machine type could not be read', 'the check needs ec2:DescribeInstanceTypeOfferings');
  const { first, offered } = zones.value;
  const [own = '', second] = first;
  if (offered.includes(own))
    return good(
      `${instanceType} is offered in ${own}${second !== undefined && offered.includes(second) ? ` and ${second}` : ''}`,
    );
  const says = `${own}, where the machine would be, does not offer ${instanceType}`;
  return second !== undefined && offered.includes(second)
    ? bad(says, `use poolSize=2, whose second machine is in ${second}, or another instanceType`)
    : bad(
        says,
        `use another instanceType, or another region${offered.length > 0 ? `; only ${offered.join(', ')} offer it here` : ''}`,
      );
}

function image({ image, volumeGb }: Facts): Verdict {
  if (image.kind === 'unknown') return notice(image.reason, 'the check needs ssm:GetParameter and ec2:DescribeImages');
  if (image.kind === 'missing') return bad('the image does not exist in this region', 'set amiId to an image of this region');
  const { id, sizeGb } = image.value;
  return sizeGb <= volumeGb
    ? good(`${id} (${sizeGb} GB) fits a volume of ${volumeGb} GB`)
    : bad(
        `${id} needs ${sizeGb} GB, but the volume has ${volumeGb} GB: the machine cannot be created`,
        `use volumeGb=${sizeGb} or more`,
      );
}

function mail({ mail }: Facts): Verdict {
  if (mail.kind !== 'found')
    return notice('the state of SES could not be read', 'needed only for emailFrom; the check needs ses:GetAccount');
  if (!mail.value.canSend) return notice('SES may not send mail', 'needed only for emailFrom: see the account dashboard of SES');
  return mail.value.isProduction
    ? good('SES may send to every address')
    : notice('SES sends only to confirmed addresses', 'needed only for emailFrom: request production access in the SES console');
}

function functions({ isLocal, isLive, concurrency }: Facts): Verdict {
  if (isLocal) return good('not needed for the local host');
  const todo =
    'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000 (free)';
  if (concurrency.kind !== 'found') return notice('the limit of concurrent executions could not be read', todo);
  const { value } = concurrency;
  if (value < LIVE_CONCURRENCY && isLive)
    return bad(
      `only ${value} concurrent executions: live recordings would delay each other and the reaper`,
      `${todo}; until then use liveDefault=false`,
    );
  return value >= ENOUGH_CONCURRENCY
    ? good(`${value} concurrent executions`)
    : notice(`only ${value} concurrent executions: enough for a trial, too few for many recorders`, todo);
}

function bootstrap({ isLocal, bootstrapVersion: version }: Facts): Verdict {
  if (isLocal) return good('not needed for the local host');
  if (version.kind === 'unknown') return notice(version.reason, 'the check needs the permission ssm:GetParameter');
  if (version.kind === 'found' && version.value >= MIN_BOOTSTRAP) return good(`version ${version.value}`);
  const says =
    version.kind === 'missing' ? 'this account and region are not bootstrapped' : `version ${version.value} is too old`;
  return bad(says, 'npx cdk bootstrap');
}

function stack({ stack, stackName, region }: Facts): Verdict {
  if (stack.kind === 'unknown') return bad(stack.reason, 'the check needs the permission cloudformation:DescribeStacks');
  if (stack.kind === 'missing')
    return bad(
      `there is no ${stackName} in ${region ?? 'this region'}`,
      'npx cdk deploy -c stage=…, or set the right region and --stage',
    );
  const { status } = stack.value;
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return good(status);
  if (status.endsWith('_IN_PROGRESS') && !status.includes('ROLLBACK'))
    return notice(status, 'wait until it has finished, then run the doctor again');
  return bad(status, 'see the first failure in the Events of the stack in CloudFormation, then run npx cdk deploy again');
}

function outputs({ stack }: Facts): Verdict {
  const known = stack.kind === 'found' ? stack.value.outputs : {};
  const absent = OUTPUTS.filter((name) => !known[name]);
  return absent.length === 0
    ? good(`${OUTPUTS.length} of ${OUTPUTS.length}`)
    : bad(`missing: ${absent.join(', ')}`, 'the stack has another version: npx cdk deploy');
}

function api({ api, stage }: Facts): Verdict {
  if (api.kind !== 'found')
    return bad(api.kind === 'unknown' ? api.reason : 'no response', 'check the API and the function ServiceInfo; npx cdk deploy');
  if (api.value.status !== 200) return bad(`responds with status ${api.value.status}`, 'see the log of the function ServiceInfo');
  return api.value.stage === stage
    ? good('responds')
    : bad(`belongs to the stage ${api.value.stage}, not ${stage}`, 'set the right --stage, or unset CHUNKSCRIBE_API');
}

function tables({ tables }: Facts): Verdict {
  const broken = Object.entries(tables).filter(([, table]) => table.kind !== 'found' || table.value !== 'ACTIVE');
  if (broken.length === 0) return good(`${Object.keys(tables).length} exist`);
  const problems = broken.map(([name, table]) => `${name}: ${table.kind === 'found' ? table.value : table.kind}`);
  return bad(problems.join(', '), 'restore it (point-in-time recovery, on a stage that retains its data), or deploy a new stage');
}

function wiring({ workerConfig: config, queues, stack }: Facts): Verdict {
  if (config.kind !== 'found') return bad('the configuration of the machine is missing', 'npx cdk deploy');
  const known = stack.kind === 'found' ? stack.value.outputs : {};
  const others = Object.entries(SHARED_TABLES).filter(([env, output]) => config.value.values[env] !== known[output]);
  if (others.length > 0)
    return bad(`the worker and the functions use different tables: ${others.map(([env]) => env).join(', ')}`, 'npx cdk deploy');
  const gone = Object.entries(queues).filter(([, queue]) => queue.kind !== 'found');
  return gone.length === 0
    ? good(`${Object.keys(queues).length} queues; same tables as the functions`)
    : bad(
        `missing queues: ${gone.map(([name]) => name).join(', ')}`,
        'npx cdk deploy; the next batch finds the work whose messages were lost',
      );
}

function machines({ machines }: Facts): Verdict {
  const gone = machines.filter(({ state }) => state.kind !== 'found' || /terminated|shutting-down/.test(state.value));
  if (machines.length === 0 || gone.length > 0)
    return bad(
      `missing: ${gone.map(({ id }) => id).join(', ') || 'all'}`,
      'replace it: npx cdk deploy with another poolSize, then with this one again',
    );
  return good(machines.map(({ id, state }) => `${id} ${state.kind === 'found' ? state.value : ''}`).join(', '));
}

function version({ workerConfig: config, lastWork }: Facts): Verdict {
  if (lastWork.kind !== 'found') return good('no work within a week; the next boot installs the newest version');
  const newest = config.kind === 'found' ? config.value.values['WORKER_VERSION'] : undefined;
  if (lastWork.value.version === newest) return good(`${newest}, ${new Date(lastWork.value.atMs).toISOString().slice(0, 16)}`);
  // A version that must be installed from the package index is used from the second boot on.
  const isLate = config.kind === 'found' && lastWork.value.atMs > config.value.sinceMs + DAY_MS;
  const says = `the last worker had version ${lastWork.value.version ?? 'unknown (older)'}, the newest is ${newest}`;
  return isLate
    ? bad(says, 'the machine could not install it: npx chunkscribe gpu logs; the next boot tries again')
    : notice(says, 'nothing: the next boot installs it, and the one after that uses it');
}

function device({ lastWork, isLocal }: Facts): Verdict {
  const found = lastWork.kind === 'found' ? lastWork.value.device : undefined;
  if (found === 'cpu' && !isLocal)
    return bad('the last work was done on the CPU of a GPU machine', 'why CUDA is unavailable: npx chunkscribe gpu logs');
  return good(found === undefined ? 'unknown until the next work' : found);
}

function model(facts: Facts): Verdict {
  const { lastWork, lastError, workerConfig: config, localModel } = facts;
  if (lastError.kind === 'found' && /model/i.test(lastError.value))
    return bad(lastError.value, 'is the model’s name right, and can the machine reach the model hub? npx chunkscribe gpu logs');
  const configured = config.kind === 'found' ? config.value.values['MODEL'] : undefined;
  if (localModel !== undefined) return modelVerdict(localModel.name, 'runs on this machine', facts);
  if (lastWork.kind !== 'found') return modelVerdict(configured ?? 'none', 'downloaded at the first boot', facts);
  const { model = configured ?? 'none' } = lastWork.value;
  return model === configured || configured === undefined
    ? modelVerdict(model, 'loaded successfully', facts)
    : notice(`${model} was used last, ${configured} is configured`, 'nothing: the next boot installs it');
}

/** A working model; for an English-only model, with the command for a multilingual one. */
function modelVerdict(name: string, state: string, { isLocal, localModel }: Facts): Verdict {
  const isEnglish = localModel === undefined ? isEnglishOnly(name) : localModel.languages === 'en';
  if (!isEnglish) return good(`${name}: ${state}`);
  const command = isLocal ? 'npm start -- --model ' : 'npx cdk deploy -c model=';
  return {
    ...good(`${name}: ${state}; it transcribes English only`),
    todo: `for other languages: ${command}${MULTILINGUAL_EXAMPLE.name}`,
  };
}

function batch({ lastReport, nowMs }: Facts): Verdict {
  if (lastReport.kind === 'unknown')
    return bad(lastReport.reason, 'the check needs the permissions s3:ListBucket and s3:GetObject');
  if (lastReport.kind === 'missing')
    return notice('no batch has run yet', 'wait for the next even hour, or run: npx chunkscribe batch run');
  const { name, status, atMs } = lastReport.value;
  if (status === 'failed' || status === 'partial') return bad(`${name}: ${status}`, `npx chunkscribe batch reports ${name}`);
  return nowMs - atMs > BATCH_LATE_MS
    ? notice(`${name}: ${status}, more than six hours ago`, 'is the schedule paused? npx chunkscribe batch status')
    : good(`${name}: ${status}`);
}

const ACCOUNT = { credentials, region, quota, functions, bootstrap };
/** Asked before a deployment only; after it, the machines exist. */
const PLANNED = { zones, image, mail };
const STAGE = { stack, outputs, api, tables, wiring, machines, version, model, device, batch };

/**
 * Runs the checks of the account, then those of the stage; before a deployment (`isBefore`), those of what is planned instead. A check that
 * depends on a failed one is not run.
 */
export function examine(facts: Facts, isBefore: boolean): Line[] {
  const lines: Line[] = [];
  const isBad = (name: string): boolean => lines.some((line) => line.name === name && line.state === 'bad');
  for (const [name, check] of Object.entries({ ...ACCOUNT, ...(isBefore && PLANNED) }))
    lines.push({
      name,
      ...(name !== 'credentials' && name !== 'region' && (isBad('credentials') || isBad('region'))
        ? { state: 'waits', says: 'needs credentials and a region' }
        : check(facts)),
    } as Line);
  if (isBefore) return lines;
  const cannotCheck = isBad('credentials') || isBad('region');
  for (const [name, check] of Object.entries(STAGE)) {
    const waits = cannotCheck || (name !== 'stack' && facts.stack.kind !== 'found');
    lines.push({ name, ...(waits ? { state: 'waits', says: 'needs a check above to pass' } : check(facts)) } as Line);
  }
  return lines;
}
