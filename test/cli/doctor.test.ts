import { expect, test } from 'vitest';
import { examine, type Facts, type Found, OUTPUTS, SHARED_TABLES } from '../../cli/doctor/checks.ts';

const found = <T>(value: T): Found<T> => ({ kind: 'found', value });
const missing = { kind: 'missing' } as const;
const unknown = (reason: string) => ({ kind: 'unknown', reason }) as const;
const NOW = Date.UTC(2026, 10, 26, 12);
const HOUR = 3_600_000;

const outputs = Object.fromEntries(OUTPUTS.map((name) => [name, `the-${name}`]));
const config = {
  MODEL: 'small.en',
  WORKER_VERSION: 'new',
  ...Object.fromEntries(Object.entries(SHARED_TABLES).map(([env, output]) => [env, `the-${output}`])),
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
  zones: found({ first: ['eu-west-1a', 'eu-west-1b'], offered: ['eu-west-1a', 'eu-west-1b'] }),
  volumeGb: 75,
  image: found({ id: 'ami-1', sizeGb: 75 }),
  mail: found({ isProduction: true, canSend: true }),
  isLive: true,
  concurrency: found(1000),
  bootstrapVersion: found(30),
  stack: found({ status: 'UPDATE_COMPLETE', outputs }),
  api: found({ status: 200, stage: 'prod' }),
  tables: { ChunksTable: found('ACTIVE'), JobsTable: found('ACTIVE') },
  workerConfig: found({ values: config, sinceMs: NOW - 5 * HOUR }),
  queues: { QUEUE_LIVE_URL: found(true), QUEUE_FILES_URL: found(true) },
  machines: [{ id: 'i-1', state: found('stopped') }],
  lastWork: found({ atMs: NOW - HOUR, version: 'new', model: 'small.en', device: 'cuda' }),
  lastError: missing,
  lastReport: found({ name: 'batch-2026-11-26-1000', status: 'success', atMs: NOW - 2 * HOUR }),
};

test('on a healthy stage every check is good [deployment.doctor]', () => {
  const lines = examine(well, false);
  expect(lines.map(({ name, state }) => [name, state]).filter(([, state]) => state !== 'good')).toEqual([]);
  expect(lines).toHaveLength(15);
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
  ['a new account, for live recordings', { concurrency: found(10) }, 'functions', /liveDefault=false/],
  ['an account that is not bootstrapped', { bootstrapVersion: missing }, 'bootstrap', /cdk bootstrap/],
  ['an old bootstrap version', { bootstrapVersion: found(4) }, 'bootstrap', /cdk bootstrap/],
  ['a rolled-back deployment', { stack: found({ status: 'UPDATE_ROLLBACK_COMPLETE', outputs }) }, 'stack', /Events/],
  [
    'a stack without an output',
    { stack: found({ status: 'CREATE_COMPLETE', outputs: { ...outputs, ApiUrl: '' } }) },
    'outputs',
    /deploy/,
  ],
  ['an unreachable API', { api: unknown('TypeError: fetch failed') }, 'api', /ServiceInfo/],
  ['the API of another stage', { api: found({ status: 200, stage: 'dev' }) }, 'api', /--stage/],
  ['a missing table', { tables: { ...well.tables, JobsTable: missing } }, 'tables', /point-in-time/],
  ...['CHUNKS_TABLE', 'SESSIONS_TABLE', 'FLEET_TABLE', 'LEDGER_TABLE', 'BATCH_TABLE'].map(
    (table): [string, Partial<Facts>, string, RegExp] => [
      `a worker with another ${table}`,
      { workerConfig: found({ values: { ...config, [table]: 'other' }, sinceMs: 0 }) },
      'wiring',
      /deploy/,
    ],
  ),
  ['a missing queue', { queues: { ...well.queues, QUEUE_LIVE_URL: missing } }, 'wiring', /next batch/],
  [
    'work on the CPU of a GPU machine',
    { lastWork: found({ atMs: NOW - HOUR, version: 'new', model: 'small.en', device: 'cpu' }) },
    'device',
    /CUDA/,
  ],
  ['a terminated machine', { machines: [{ id: 'i-1', state: found('terminated') }] }, 'machines', /poolSize/],
  [
    'a worker with an old version a day after the update',
    {
      lastWork: found({ atMs: NOW - HOUR, version: 'old', model: 'small.en' }),
      workerConfig: found({ values: config, sinceMs: NOW - 26 * HOUR }),
    },
    'version',
    /next boot tries again/,
  ],
  ['a model that cannot be loaded', { lastError: found('the worker cannot start: no model smal.en') }, 'model', /name right/],
  ['a batch that failed', { lastReport: found({ name: 'batch-x', status: 'failed', atMs: NOW }) }, 'batch', /reports batch-x/],
];

test.each(FAULTS)('%s: only the check concerned fails, with a remedy [deployment.doctor]', (_, facts, name, todo) => {
  const red = examine({ ...well, ...facts }, false).filter(({ state }) => state === 'bad');
  expect(red.map((line) => line.name)).toEqual([name]);
  expect(red[0]?.todo).toMatch(todo);
});

test('checks that depend on a failed one wait instead of failing [deployment.doctor]', () => {
  const lines = examine({ ...well, caller: missing }, false);
  expect(lines.filter(({ state }) => state === 'bad').map(({ name }) => name)).toEqual(['credentials']);
  expect(lines.filter(({ state }) => state === 'waits').length).toBeGreaterThan(8);
});

test('a pending update, the low concurrency of a new account, a batch that has not run yet and a late batch are notices [deployment.doctor]', () => {
  const since = found({ values: config, sinceMs: NOW - HOUR / 2 });
  const facts: Facts = {
    ...well,
    isLive: false,
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

test('an English-only model is good, with the command for a multilingual one [model.shown]', () => {
  const modelLine = (facts: Partial<Facts>) => examine({ ...well, ...facts }, false).find(({ name }) => name === 'model');
  expect(modelLine({})).toMatchObject({
    state: 'good',
    says: expect.stringContaining('English only'),
    todo: expect.stringContaining('npx cdk deploy -c model=small'),
  });
  const local = { isLocal: true, localModel: { name: 'my-model', languages: 'en' } };
  expect(modelLine(local)).toMatchObject({ state: 'good', todo: expect.stringContaining('npm start -- --model small') });
  const many = modelLine({ isLocal: true, localModel: { name: 'base', languages: 'multilingual' } });
  expect(many).toMatchObject({ state: 'good', says: 'base: runs on this machine' });
  expect(many).not.toHaveProperty('todo');
});

test('before a deployment only the account and what is planned are checked [deployment.doctor]', () => {
  const lines = examine({ ...well, stack: missing }, true);
  expect(lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'credentials good',
    'region good',
    'quota good',
    'functions good',
    'bootstrap good',
    'zones good',
    'image good',
    'mail good',
  ]);
});

const PLANNED: typeof FAULTS = [
  [
    'a machine type that only the second zone offers',
    { zones: found({ first: ['eu-west-1a', 'eu-west-1b'], offered: ['eu-west-1b'] }) },
    'zones',
    /poolSize=2.*eu-west-1b/,
  ],
  [
    'a machine type that neither zone offers',
    { zones: found({ first: ['eu-west-1a', 'eu-west-1b'], offered: ['eu-west-1c'] }) },
    'zones',
    /only eu-west-1c/,
  ],
  ['an image that is larger than the volume', { image: found({ id: 'ami-1', sizeGb: 105 }) }, 'image', /volumeGb=105/],
  ['an image of another region', { image: missing }, 'image', /amiId/],
];

test.each(PLANNED)('before a deployment: %s [deployment.doctor]', (_, facts, name, todo) => {
  const red = examine({ ...well, ...facts }, true).filter(({ state }) => state === 'bad');
  expect(red.map((line) => line.name)).toEqual([name]);
  expect(red[0]?.todo).toMatch(todo);
});

test('before a deployment: SES that sends only to confirmed addresses is a notice [deployment.doctor]', () => {
  const lines = examine({ ...well, mail: found({ isProduction: false, canSend: true }) }, true);
  expect(lines.at(-1)).toMatchObject({ name: 'mail', state: 'notice', todo: expect.stringContaining('production access') });
});
