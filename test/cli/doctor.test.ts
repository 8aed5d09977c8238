import { expect, test } from 'vitest';
import { examine, type Facts, type Found, OUTPUTS } from '../../cli/doctor/checks.ts';

const found = <T>(value: T): Found<T> => ({ kind: 'found', value });
const missing = { kind: 'missing' } as const;
const unknown = (reason: string) => ({ kind: 'unknown', reason }) as const;
const NOW = Date.UTC(2026, 10, 26, 12);
const HOUR = 3_600_000;

const outputs = Object.fromEntries(OUTPUTS.map((name) => [name, `the-${name}`]));
const config = {
  MODEL: 'small.en',
  WORKER_VERSION: 'new',
  CHUNKS_TABLE: 'the-ChunksTable',
  FLEET_TABLE: 'the-FleetTable',
  LEDGER_TABLE: 'the-LedgerTable',
};
const well: Facts = {
  isLocal: false,
  nowMs: NOW,
  stage: 'prod',
  stackName: 'chunkscribe-prod',
  region: 'eu-west-1',
  caller: found('arn:aws:iam::111122223333:user/ada'),
  instanceType: 'g4dn.xlarge',
  vcpus: found(4),
  vcpuQuota: found(8),
  concurrency: found(1000),
  bootstrapVersion: found(30),
  stack: found({ status: 'UPDATE_COMPLETE', outputs }),
  api: found({ status: 200, stage: 'prod' }),
  tables: { ChunksTable: found('ACTIVE'), JobsTable: found('ACTIVE') },
  workerConfig: found({ values: config, sinceMs: NOW - 5 * HOUR }),
  queues: { QUEUE_LIVE_URL: found(true), QUEUE_FILES_URL: found(true) },
  machines: [{ id: 'i-1', state: found('stopped') }],
  lastWork: found({ atMs: NOW - HOUR, version: 'new', model: 'small.en' }),
  lastError: missing,
  lastReport: found({ name: 'batch-2026-11-26-1000', status: 'success', atMs: NOW - 2 * HOUR }),
};

test('where all is well, every line is green', () => {
  const lines = examine(well, false);
  expect(lines.map(({ name, state }) => [name, state]).filter(([, state]) => state !== 'good')).toEqual([]);
  expect(lines).toHaveLength(14);
});

const FAULTS: readonly [fault: string, facts: Partial<Facts>, name: string, todo: RegExp][] = [
  [
    'no credentials',
    { caller: unknown('CredentialsProviderError: could not load credentials') },
    'credentials',
    /sso|AWS_PROFILE/,
  ],
  ['no region', { region: undefined }, 'region', /AWS_REGION/],
  ['the wrong region', { region: 'us-west-2', stack: missing }, 'stack', /right region/],
  ['no quota for G machines', { vcpuQuota: found(0) }, 'quota', /request-service-quota-increase/],
  ['an account that was never prepared', { bootstrapVersion: missing }, 'bootstrap', /cdk bootstrap/],
  ['an old preparation', { bootstrapVersion: found(4) }, 'bootstrap', /cdk bootstrap/],
  ['a deployment that was rolled back', { stack: found({ status: 'UPDATE_ROLLBACK_COMPLETE', outputs }) }, 'stack', /Events/],
  [
    'a stack without an output',
    { stack: found({ status: 'CREATE_COMPLETE', outputs: { ...outputs, ApiUrl: '' } }) },
    'outputs',
    /deploy/,
  ],
  ['an API that does not answer', { api: unknown('TypeError: fetch failed') }, 'api', /ServiceInfo/],
  ['the API of another stage', { api: found({ status: 200, stage: 'dev' }) }, 'api', /--stage/],
  ['a table that is gone', { tables: { ...well.tables, JobsTable: missing } }, 'tables', /point-in-time/],
  [
    'a worker that writes to another table',
    { workerConfig: found({ values: { ...config, CHUNKS_TABLE: 'other' }, sinceMs: 0 }) },
    'wiring',
    /deploy/,
  ],
  ['a queue that is gone', { queues: { ...well.queues, QUEUE_LIVE_URL: missing } }, 'wiring', /next batch/],
  ['a machine that was terminated', { machines: [{ id: 'i-1', state: found('terminated') }] }, 'machines', /poolSize/],
  [
    'a worker of an old version, after its machine could have had the new one',
    { lastWork: found({ atMs: NOW - HOUR, version: 'old', model: 'small.en' }) },
    'version',
    /next boot tries again/,
  ],
  ['a model that cannot be loaded', { lastError: found('the worker cannot start: no model smal.en') }, 'model', /name right/],
  ['a batch that failed', { lastReport: found({ name: 'batch-x', status: 'failed', atMs: NOW }) }, 'batch', /reports batch-x/],
];

test.each(FAULTS)('%s: the right line is red, and says what to do', (_, facts, name, todo) => {
  const red = examine({ ...well, ...facts }, false).filter(({ state }) => state === 'bad');
  expect(red.map((line) => line.name)).toEqual([name]);
  expect(red[0]?.todo).toMatch(todo);
});

test('what depends on a red line waits instead of being red too', () => {
  const lines = examine({ ...well, caller: missing }, false);
  expect(lines.filter(({ state }) => state === 'bad').map(({ name }) => name)).toEqual(['credentials']);
  expect(lines.filter(({ state }) => state === 'waits').length).toBeGreaterThan(8);
});

test('an old version that only waits for its next boot, a new account’s few functions, a schedule that has not run yet and a late batch are notices', () => {
  const since = found({ values: config, sinceMs: NOW - HOUR / 2 });
  const facts: Facts = {
    ...well,
    concurrency: found(10),
    workerConfig: since,
    lastWork: found({ atMs: NOW - HOUR, version: 'old', model: 'tiny.en' }),
    lastReport: missing,
  };
  const notices = examine(facts, false).filter(({ state }) => state === 'notice');
  expect(notices.map(({ name }) => name)).toEqual(['functions', 'version', 'model', 'batch']);
  const late = { ...well, lastReport: found({ name: 'b', status: 'success', atMs: NOW - 7 * HOUR }) };
  expect(examine(late, false).at(-1)).toMatchObject({ state: 'notice', says: expect.stringContaining('six hours') });
});

test('before a deployment only the account is looked at', () => {
  const lines = examine({ ...well, stack: missing }, true);
  expect(lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'credentials good',
    'region good',
    'quota good',
    'functions good',
    'bootstrap good',
  ]);
});
