/** What the doctor says of what it has found: one line each, and what to do about a red one. No AWS here. */

/** What was asked for: it is there, it is not there, or nobody could tell. */
export type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Facts {
  /** The local host stands for AWS: an account has nothing to prepare. */
  readonly isLocal: boolean;
  readonly nowMs: number;
  readonly stage: string;
  readonly stackName: string;
  readonly region: string | undefined;
  readonly caller: Found<string>;
  readonly instanceType: string;
  /** Virtual CPUs of one machine of the type, and how many "On-Demand G and VT" may run in the account. */
  readonly vcpus: Found<number>;
  readonly vcpuQuota: Found<number>;
  /** How many functions may run at a time in the account. */
  readonly concurrency: Found<number>;
  readonly bootstrapVersion: Found<number>;
  readonly stack: Found<{ readonly status: string; readonly outputs: Readonly<Record<string, string>> }>;
  readonly api: Found<{ readonly status: number; readonly stage: string | undefined }>;
  /** Status of each table that the stack's outputs name. */
  readonly tables: Readonly<Record<string, Found<string>>>;
  /** What the machine reads at its boot, and since when it says so. */
  readonly workerConfig: Found<{ readonly values: Readonly<Record<string, string>>; readonly sinceMs: number }>;
  /** Queues that it names. */
  readonly queues: Readonly<Record<string, Found<true>>>;
  readonly machines: readonly { readonly id: string; readonly state: Found<string> }[];
  /** What a worker last did; none within a week is missing. */
  readonly lastWork: Found<{ readonly atMs: number; readonly version: string | undefined; readonly model: string | undefined }>;
  /** Why the last run of the machines failed. */
  readonly lastError: Found<string>;
  readonly lastReport: Found<{ readonly name: string; readonly status: string; readonly atMs: number }>;
}

export interface Line {
  readonly name: string;
  /** `waits`: nothing can be said before something above is mended. */
  readonly state: 'good' | 'notice' | 'bad' | 'waits';
  readonly says: string;
  readonly todo?: string;
}

/** What the template itself asks for; older ones have no place for its files. */
const LEAST_BOOTSTRAP = 6;
/** Outputs that the product and its tools work with. */
export const OUTPUTS = [
  ...['ApiUrl', 'PagesUrl', 'UserPoolId', 'UserPoolClientId', 'BucketName', 'InstanceIds', 'WorkerConfigName'],
  ...['SessionsTable', 'ChunksTable', 'FleetTable', 'LedgerTable', 'SettingsTable', 'JobsTable', 'BatchTable', 'WebhooksTable'],
];
/** Tables that the worker and the functions must mean alike. */
const SHARED_TABLES = { CHUNKS_TABLE: 'ChunksTable', FLEET_TABLE: 'FleetTable', LEDGER_TABLE: 'LedgerTable' } as const;
/** New accounts have 10: with some recorders at once calls would be refused and tried again. */
const ENOUGH_CONCURRENCY = 100;
const BATCH_LATE_MS = 6 * 3_600_000;

const good = (says: string) => ({ state: 'good', says }) as const;
const notice = (says: string, todo: string) => ({ state: 'notice', says, todo }) as const;
const bad = (says: string, todo: string) => ({ state: 'bad', says, todo }) as const;
type Verdict = Omit<Line, 'name'>;

function credentials({ isLocal, caller }: Facts): Verdict {
  if (isLocal) return good('the local host needs none');
  if (caller.kind === 'found') return good(caller.value);
  const reason = caller.kind === 'unknown' ? caller.reason : 'there are none';
  return bad(reason, 'aws configure sso, or set AWS_PROFILE; then again');
}

function region({ region, isLocal }: Facts): Verdict {
  if (isLocal) return good('the local host needs none');
  return region === undefined
    ? bad('none is set', 'export AWS_REGION=… (where the stage is, or will be)')
    : good(`${region}; the stage must be there`);
}

function quota({ isLocal, instanceType, vcpus, vcpuQuota }: Facts): Verdict {
  if (isLocal) return good('the local host needs none');
  if (vcpus.kind !== 'found')
    return bad(`${instanceType} is not known in this region`, 'choose another instanceType, or another region');
  if (vcpuQuota.kind === 'unknown')
    return notice(vcpuQuota.reason, 'look at Service Quotas, EC2, "Running On-Demand G and VT instances"');
  const granted = vcpuQuota.kind === 'found' ? vcpuQuota.value : 0;
  return granted >= vcpus.value
    ? good(`${granted} vCPUs for G machines; ${instanceType} takes ${vcpus.value}`)
    : bad(
        `${granted} vCPUs for G machines, and ${instanceType} takes ${vcpus.value}: none can start`,
        'aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA --desired-value 4 (takes hours to days)',
      );
}

function functions({ isLocal, concurrency }: Facts): Verdict {
  if (isLocal) return good('the local host needs none');
  const todo =
    'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000 (free)';
  if (concurrency.kind !== 'found') return notice('nobody could tell how many may run at a time', todo);
  return concurrency.value >= ENOUGH_CONCURRENCY
    ? good(`${concurrency.value} may run at a time`)
    : notice(`only ${concurrency.value} may run at a time: enough to try, too few for many recorders`, todo);
}

function bootstrap({ isLocal, bootstrapVersion: version }: Facts): Verdict {
  if (isLocal) return good('the local host needs none');
  if (version.kind === 'unknown') return notice(version.reason, 'the right ssm:GetParameter is needed to look');
  if (version.kind === 'found' && version.value >= LEAST_BOOTSTRAP) return good(`version ${version.value}`);
  const says = version.kind === 'missing' ? 'not done in this account and region' : `version ${version.value} is too old`;
  return bad(says, 'npx cdk bootstrap');
}

function stack({ stack, stackName, region }: Facts): Verdict {
  if (stack.kind === 'unknown') return bad(stack.reason, 'the right cloudformation:DescribeStacks is needed');
  if (stack.kind === 'missing')
    return bad(
      `there is no ${stackName} in ${region ?? 'this region'}`,
      'npx cdk deploy -c stage=…, or name the right region and --stage',
    );
  const { status } = stack.value;
  if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) return good(status);
  if (status.endsWith('_IN_PROGRESS') && !status.includes('ROLLBACK')) return notice(status, 'wait for its end, then again');
  return bad(status, 'CloudFormation, Events of the stack: the first failure says why; then npx cdk deploy again');
}

function outputs({ stack }: Facts): Verdict {
  const known = stack.kind === 'found' ? stack.value.outputs : {};
  const lacking = OUTPUTS.filter((name) => !known[name]);
  return lacking.length === 0
    ? good(`${OUTPUTS.length} of ${OUTPUTS.length}`)
    : bad(`without ${lacking.join(', ')}`, 'the stack is of another version: npx cdk deploy');
}

function api({ api, stage }: Facts): Verdict {
  if (api.kind !== 'found')
    return bad(api.kind === 'unknown' ? api.reason : 'no answer', 'look at the API and the function ServiceInfo; npx cdk deploy');
  if (api.value.status !== 200) return bad(`answers ${api.value.status}`, 'the log of the function ServiceInfo says why');
  return api.value.stage === stage
    ? good('answers')
    : bad(`belongs to the stage ${api.value.stage}, not ${stage}`, 'name the right --stage, or unset CHUNKSCRIBE_API');
}

function tables({ tables }: Facts): Verdict {
  const broken = Object.entries(tables).filter(([, table]) => table.kind !== 'found' || table.value !== 'ACTIVE');
  if (broken.length === 0) return good(`${Object.keys(tables).length} are there`);
  const told = broken.map(([name, table]) => `${name}: ${table.kind === 'found' ? table.value : table.kind}`);
  return bad(told.join(', '), 'restore it (point-in-time recovery, on a stage that keeps its data), or deploy the stage anew');
}

function wiring({ workerConfig: config, queues, stack }: Facts): Verdict {
  if (config.kind !== 'found') return bad('the machine would find no configuration', 'npx cdk deploy');
  const known = stack.kind === 'found' ? stack.value.outputs : {};
  const others = Object.entries(SHARED_TABLES).filter(([env, output]) => config.value.values[env] !== known[output]);
  if (others.length > 0)
    return bad(`the worker and the functions mean different tables: ${others.map(([env]) => env).join(', ')}`, 'npx cdk deploy');
  const gone = Object.entries(queues).filter(([, queue]) => queue.kind !== 'found');
  return gone.length === 0
    ? good(`${Object.keys(queues).length} queues, tables as the functions have them`)
    : bad(
        `no queue for ${gone.map(([name]) => name).join(', ')}`,
        'npx cdk deploy; what waited there is found by the next batch',
      );
}

function machines({ machines }: Facts): Verdict {
  const gone = machines.filter(({ state }) => state.kind !== 'found' || /terminated|shutting-down/.test(state.value));
  if (machines.length === 0 || gone.length > 0)
    return bad(
      `${gone.map(({ id }) => id).join(', ') || 'none'}: gone`,
      'npx cdk deploy with another poolSize, then with this one again: a new machine',
    );
  return good(machines.map(({ id, state }) => `${id} ${state.kind === 'found' ? state.value : ''}`).join(', '));
}

function version({ workerConfig: config, lastWork }: Facts): Verdict {
  if (lastWork.kind !== 'found') return good('no work within a week; the newest code comes at the next boot');
  const newest = config.kind === 'found' ? config.value.values['WORKER_VERSION'] : undefined;
  if (lastWork.value.version === newest) return good(`${newest}, ${new Date(lastWork.value.atMs).toISOString().slice(0, 16)}`);
  const isSince = config.kind === 'found' && lastWork.value.atMs > config.value.sinceMs;
  const says = `the last work was done by ${lastWork.value.version ?? 'an older version'}, the newest is ${newest}`;
  return isSince
    ? bad(
        says,
        'the machine did not take it: Session Manager, journalctl -u cloud-final; or stop it, and its next boot tries again',
      )
    : notice(says, 'nothing: it comes at the next boot');
}

function model({ lastWork, lastError, workerConfig: config, isLocal }: Facts): Verdict {
  if (lastError.kind === 'found' && /model/i.test(lastError.value))
    return bad(lastError.value, 'is the model’s name right, and can the machine reach its hub? npx chunkscribe gpu logs');
  const wanted = config.kind === 'found' ? config.value.values['MODEL'] : undefined;
  if (lastWork.kind !== 'found') return good(`${wanted}; it is fetched at the first boot`);
  const { model } = lastWork.value;
  return isLocal || model === wanted || model === undefined
    ? good(`${model ?? wanted} has been loaded`)
    : notice(`${model} was used last, ${wanted} is wanted`, 'nothing: it comes at the next boot');
}

function batch({ lastReport, nowMs }: Facts): Verdict {
  if (lastReport.kind === 'unknown') return bad(lastReport.reason, 'the rights s3:ListBucket and s3:GetObject are needed');
  if (lastReport.kind === 'missing')
    return notice('none has run yet', 'wait for the next even hour, or: npx chunkscribe batch run');
  const { name, status, atMs } = lastReport.value;
  if (status === 'failed' || status === 'partial') return bad(`${name}: ${status}`, `npx chunkscribe batch reports ${name}`);
  return nowMs - atMs > BATCH_LATE_MS
    ? notice(`${name}: ${status}, more than six hours ago`, 'is the schedule paused? npx chunkscribe batch status')
    : good(`${name}: ${status}`);
}

const ACCOUNT = { credentials, region, quota, functions, bootstrap };
const STAGE = { stack, outputs, api, tables, wiring, machines, version, model, batch };

/** All lines. Before a deployment (`isBefore`) only what an account needs; what depends on a red line waits. */
export function examine(facts: Facts, isBefore: boolean): Line[] {
  const lines: Line[] = [];
  const isBad = (name: string): boolean => lines.some((line) => line.name === name && line.state === 'bad');
  for (const [name, check] of Object.entries(ACCOUNT))
    lines.push({
      name,
      ...(name !== 'credentials' && name !== 'region' && (isBad('credentials') || isBad('region'))
        ? { state: 'waits', says: 'credentials and a region first' }
        : check(facts)),
    } as Line);
  if (isBefore) return lines;
  const isBlind = isBad('credentials') || isBad('region');
  for (const [name, check] of Object.entries(STAGE)) {
    const waits = isBlind || (name !== 'stack' && facts.stack.kind !== 'found');
    lines.push({ name, ...(waits ? { state: 'waits', says: 'something above first' } : check(facts)) } as Line);
  }
  return lines;
}
