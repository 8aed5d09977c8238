/**
 * `npm test`: every check and every test, then one line `N passed, N failed`.
 * `npm run check`: the same without what needs the emulator and the worker's model (seconds instead of minutes).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { findChromium } from './browser/chromium.ts';

const PROJECT = join(import.meta.dirname, '..');
const VENV = join(PROJECT, '.local', 'venvs', 'worker', 'bin');
const FAST = process.argv.includes('--fast');
/** Runners at a time: what waits leaves the two cores of a small machine to the others. */
const LANES = 3;

interface Count {
  passed: number;
  failed: number;
}
const total: Count = { passed: 0, failed: 0 };
const reports = mkdtempSync(join(tmpdir(), 'chunkscribe-tests-'));

/** Answers whether it ended well. `isPatient`: it takes the CPU only when nobody else wants it. */
function run(title: string, command: string, args: readonly string[], cwd: string, isPatient: boolean): Promise<boolean> {
  const [program, ...rest] = isPatient ? ['nice', '-n', '15', command, ...args] : [command, ...args];
  // Where several run at a time, each speaks when it is done.
  const child = spawn(program ?? command, rest, { cwd, stdio: FAST ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
  const startedMs = Date.now();
  console.log(`… ${title}`);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => {
      said += data.toString();
    });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      if (!FAST) console.log(`\n== ${title}: ${((Date.now() - startedMs) / 1000).toFixed(0)} s\n${said}`);
      resolve(code === 0);
    });
  });
}

/** A check counts as one test. */
async function check(title: string, command: string, args: readonly string[], cwd = PROJECT): Promise<void> {
  total[(await run(title, command, args, cwd, !FAST)) ? 'passed' : 'failed'] += 1;
}

/** Adds what a test runner has counted; one that reports nothing, or fails without a failed test, has failed. */
async function suite(title: string, isRun: Promise<boolean>, count: () => Count): Promise<void> {
  const ok = await isRun;
  let counted: Count = { passed: 0, failed: 1 };
  try {
    counted = count();
  } catch {
    console.error(`${title}: no report was written`);
  }
  if (!ok && counted.failed === 0) counted.failed = 1;
  if (counted.passed + counted.failed === 0) counted.failed = 1;
  total.passed += counted.passed;
  total.failed += counted.failed;
}

const VitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});
function vitest(title: string, project: string, isPatient = false): Promise<void> {
  const file = join(reports, `${project}.json`);
  const args = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  return suite(title, run(title, 'vitest', args, PROJECT, isPatient), () => {
    const report = VitestReport.parse(JSON.parse(readFileSync(file, 'utf8')));
    // A skipped test proves nothing: it counts as failed.
    return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests + report.numTodoTests };
  });
}

function pytest(title: string, args: readonly string[]): Promise<void> {
  const file = join(reports, `${title}.xml`);
  const all = ['-n', '2', '--dist', 'loadfile', ...args, `--junit-xml=${file}`];
  return suite(title, run(title, join(VENV, 'pytest'), all, worker, !FAST), () => {
    const text = readFileSync(file, 'utf8');
    const number = (name: string): number => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(text)?.[1]);
    const failed = number('failures') + number('errors') + number('skipped');
    return { passed: number('tests') - failed, failed };
  });
}

const worker = join(PROJECT, 'gpu-worker');
const ROOMS = ['bin', 'lib', 'core', 'lambdas', 'cli', 'mcp', 'host', 'scripts', 'test', 'bench', 'web'];

async function checks(): Promise<void> {
  await check('format and lint', 'biome', ['check', '--error-on-warnings', '.']);
  for (const part of ['.', 'web', 'web/tsconfig.worker.json', 'test/browser'])
    await check(`types: ${part}`, 'tsc', ['--project', part]);
  await check('import rules', 'depcruise', ['--config', '.dependency-cruiser.cjs', ...ROOMS]);
  await check('dead code', 'knip', ['--no-config-hints']);
  await check('python format', join(VENV, 'ruff'), ['format', '--check', '--quiet', '.']);
  await check('python lint', join(VENV, 'ruff'), ['check', '--quiet', '.']);
  await check('python types', join(VENV, 'mypy'), [], worker);
  for (const script of ['bootstrap/boot.sh', 'service/install.sh'])
    await check(`shell syntax: ${script}`, 'bash', ['-n', `gpu-worker/${script}`]);
}
const logic = (): Promise<void> => vitest('core, functions, template, workflow', 'fast', !FAST);

if (FAST) {
  await checks();
  await logic();
  await pytest('worker', ['tests/test_segments.py', 'tests/test_media.py', 'tests/test_formats.py']);
} else {
  try {
    findChromium();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  // The longest first. Most of what happens on a host is waiting: what only computes has the time in between.
  const queue = [
    () => vitest('machines that come and go', 'machines'),
    () => vitest('the whole product on the local host', 'host'),
    checks,
    logic,
    () => vitest('files on a local host', 'files'),
    () => pytest('worker and service', []),
    () => vitest('the pages in Chromium', 'pages'),
    () => vitest('the service, by clients that other people wrote', 'service', true),
  ];
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
