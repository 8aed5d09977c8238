/**
 * `npm test`: every check and every test, then one line `N passed, N failed`.
 * `npm run check`: the same without what needs the emulator and the worker's model (seconds instead of minutes).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';

const PROJECT = join(import.meta.dirname, '..');
const VENV = join(PROJECT, '.local', 'venvs', 'worker', 'bin');
const FAST = process.argv.includes('--fast');

interface Count {
  passed: number;
  failed: number;
}
const total: Count = { passed: 0, failed: 0 };
const reports = mkdtempSync(join(tmpdir(), 'chunkscribe-tests-'));

function run(title: string, command: string, args: readonly string[], cwd: string): boolean {
  console.log(`\n== ${title}`);
  return spawnSync(command, args, { cwd, stdio: 'inherit' }).status === 0;
}

/** A check counts as one test. */
function check(title: string, command: string, args: readonly string[], cwd = PROJECT): void {
  total[run(title, command, args, cwd) ? 'passed' : 'failed'] += 1;
}

/** Adds what a test runner has counted; one that reports nothing, or fails without a failed test, has failed. */
function suite(title: string, command: string, args: readonly string[], cwd: string, count: () => Count): void {
  const ok = run(title, command, args, cwd);
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
function vitest(title: string, project: string): void {
  const file = join(reports, `${project}.json`);
  suite(
    title,
    'vitest',
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    PROJECT,
    () => {
      const report = VitestReport.parse(JSON.parse(readFileSync(file, 'utf8')));
      // A skipped test proves nothing: it counts as failed.
      return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests + report.numTodoTests };
    },
  );
}

function pytest(title: string, paths: readonly string[]): void {
  const file = join(reports, 'pytest.xml');
  suite(title, join(VENV, 'pytest'), ['-n', '2', ...paths, `--junit-xml=${file}`], join(PROJECT, 'gpu-worker'), () => {
    const text = readFileSync(file, 'utf8');
    const number = (name: string): number => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(text)?.[1]);
    const failed = number('failures') + number('errors') + number('skipped');
    return { passed: number('tests') - failed, failed };
  });
}

const worker = join(PROJECT, 'gpu-worker');
check('format and lint', 'biome', ['check', '--error-on-warnings', '.']);
check('types', 'tsc', ['--project', '.']);
check('import rules', 'depcruise', [
  '--config',
  '.dependency-cruiser.cjs',
  'bin',
  'lib',
  'core',
  'lambdas',
  'cli',
  'host',
  'scripts',
  'test',
  'bench',
]);
check('dead code', 'knip', ['--no-config-hints']);
check('python format', join(VENV, 'ruff'), ['format', '--check', '--quiet', '.'], worker);
check('python lint', join(VENV, 'ruff'), ['check', '--quiet', '.'], worker);
check('python types', join(VENV, 'mypy'), [], worker);
check('shell syntax', 'bash', ['-n', 'gpu-worker/bootstrap/boot.sh']);
vitest('core, functions, template, workflow', 'fast');
pytest('worker', FAST ? ['tests/test_segments.py', 'tests/test_media.py', 'tests/test_formats.py'] : []);
if (!FAST) vitest('the whole product on the local host', 'host');

rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
