/**
 * `npm test`: runs every check and every test, then prints `N passed, N failed`.
 * `npm test -- NAME…`: runs the TypeScript and Python tests whose file name or title contains NAME.
 * `npm run check`: runs types, lint and the tests that take seconds. It needs neither the emulator nor a model.
 */
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findChromium } from './browser/chromium.ts';
import { hasSoundServer } from './browser/sound-server.ts';
import { REAL_SPEECH, runNamed } from './named.ts';
import { inLanes, Runners, WORKER } from './runners.ts';

/** Numbers of concurrent runners. Three exceed the two cores of a small machine, because host tests mostly wait. */
const [LANES, CHECK_LANES] = [3, 2];
const ROOMS = ['bin', 'lib', 'core', 'lambdas', 'cli', 'mcp', 'host', 'scripts', 'test', 'bench', 'web'];
const TYPESCRIPT = ['.', 'web', 'web/tsconfig.worker.json', 'test/browser'];
const SHELL = globSync('{bootstrap,image,service}/*.sh', { cwd: WORKER });

const USAGE = 64;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { fast: { type: 'boolean', default: false } } });

const checks = (runners: Runners): (() => Promise<void>)[] => [
  () => runners.types('.'),
  () => runners.check('format and lint', 'biome', ['check', '--error-on-warnings', '.']),
  ...TYPESCRIPT.slice(1).map((project) => () => runners.types(project)),
  () =>
    runners.check('import rules', 'depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...ROOMS]),
  () => runners.check('dead code', 'knip', ['--no-config-hints']),
  () => runners.python('python format', 'ruff', ['format', '--check', '--quiet', '.']),
  () => runners.python('python lint', 'ruff', ['check', '--quiet', '.']),
  () => runners.python('python types', 'mypy', [], WORKER),
  ...SHELL.map((script) => () => runners.check(`shell syntax: ${script}`, 'bash', ['-n', `gpu-worker/${script}`])),
];
const logic = (runners: Runners) => () => runners.vitest('core, functions, template, workflow', ['--project', 'fast']);

async function check(): Promise<void> {
  const runners = new Runners({ isQuiet: true });
  const units = ['formats', 'locks', 'media', 'segments', 'service_parts'].map((name) => `tests/test_${name}.py`);
  const quick = [...units, 'tests/test_imports.py::test_the_package_keeps_its_import_rules'];
  await inLanes(CHECK_LANES, [logic(runners), ...checks(runners), () => runners.pytest('worker', quick)]);
  runners.end();
}

async function everything(): Promise<void> {
  findChromium();
  hasSoundServer(); // now: two tests cannot install packages at the same time
  process.env['CHUNKSCRIBE_PATIENCE'] = '3'; // for deadlines in host/poll.ts
  const runners = new Runners({ isPatient: true });
  const product = (title: string, project: string) => () => runners.vitest(title, ['--project', project], { isPatient: false });
  // The longest first. Host tests mostly wait, so checks and unit tests run at the same time.
  const queue = [
    product('starting and stopping machines', 'machines'),
    product('the whole product on the local host', 'host'),
    ...checks(runners),
    logic(runners),
    () => runners.vitest('template, launcher and import rules with external tools', ['--project', 'tools']),
    product('files on a local host', 'files'),
    () => runners.pytest('worker and service', ['--ignore', REAL_SPEECH]),
    () => runners.pytest('real speech with published models', [REAL_SPEECH]),
    product('real speech through the whole product', 'speech'),
    product('the pages in Chromium', 'pages'),
    () => runners.vitest('the service with third-party clients', ['--project', 'service']),
  ];
  await inLanes(LANES, queue);
  runners.end();
}

async function named(names: readonly string[]): Promise<void> {
  const runners = new Runners({ isWatched: true });
  if (await runNamed(names, runners)) runners.end();
  else process.exitCode = USAGE;
}

try {
  if (values.fast) await check();
  else if (positionals.length > 0) await named(positionals);
  else await everything();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
