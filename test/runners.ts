/** Runs checks and tests as child processes and counts what they report. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as z from 'zod';

export const PROJECT = join(import.meta.dirname, '..');
export const WORKER = join(PROJECT, 'gpu-worker');
const VENV = join(PROJECT, '.local', 'venvs', 'worker', 'bin');
/** Incremental state of the checks. */
const CACHE = join(PROJECT, '.local', 'checks');
const PATIENT = ['nice', '-n', '15'];

/** Lines of each failure that the summary at the end shows. */
const FAILURE_LINES = 12;

interface Count {
  passed: number;
  failed: number;
  /** Failed tests with their messages, for the summary at the end. */
  failures?: readonly string[];
  /** Tests that passed at the second try, with the messages of the first. */
  retried?: readonly string[];
}
const VitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});
/** Matches a failed test case of a JUnit report: class, name and message. */
const FAILED_CASE = /<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:failure|error|skipped)[^>]*?message="([^"]*)"/g;

export interface RunOptions {
  /** Runs with low priority (`nice`). */
  readonly isPatient?: boolean;
  /** Shows the output while the program runs, instead of when it has ended. */
  readonly isWatched?: boolean;
  /** Shows the output only if the program fails. */
  readonly isQuiet?: boolean;
  /** Only tests with matching titles run; the skipped ones are not failures. */
  readonly isFiltered?: boolean;
}

/** Runs checks and test suites, and collects the results of one `npm test` or `npm run check`. */
export class Runners {
  readonly #total = { passed: 0, failed: 0 };
  readonly #failures: string[] = [];
  readonly #retried: string[] = [];
  readonly #reports = mkdtempSync(join(tmpdir(), 'chunkscribe-tests-'));
  readonly #defaults: RunOptions;

  constructor(defaults: RunOptions = {}) {
    this.#defaults = defaults;
    mkdirSync(CACHE, { recursive: true });
  }

  /** Runs a check, which counts as one test. */
  async check(title: string, command: string, args: readonly string[], cwd = PROJECT): Promise<void> {
    const isGood = await this.#run(title, command, args, cwd, {});
    this.#total[isGood ? 'passed' : 'failed'] += 1;
    if (!isGood) this.#failures.push(title);
  }

  /** Checks types. `project` is a tsconfig file, or the folder that contains tsconfig.json. */
  types(project: string): Promise<void> {
    const state = join(CACHE, `${project.replaceAll(/[^a-z]/g, '-')}.tsbuildinfo`);
    return this.check(`types: ${project}`, 'tsc', ['--project', project, '--incremental', '--tsBuildInfoFile', state]);
  }

  python(title: string, tool: string, args: readonly string[] = [], cwd = PROJECT): Promise<void> {
    return this.check(title, join(VENV, tool), args, cwd);
  }

  vitest(title: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
    const file = join(this.#reports, `${title.replaceAll(/\W/g, '-')}.json`);
    const all = ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    return this.#suite(title, this.#run(title, 'vitest', all, PROJECT, options), () => {
      const report = VitestReport.parse(JSON.parse(readFileSync(file, 'utf8')));
      // A skipped test proves nothing, so it counts as failed.
      const skipped = options.isFiltered ? 0 : report.numPendingTests + report.numTodoTests;
      return {
        passed: report.numPassedTests,
        failed: report.numFailedTests + skipped,
        failures: failuresOf(report),
        retried: messagesOf(report, 'passed'),
      };
    });
  }

  pytest(title: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
    const file = join(this.#reports, `${title.replaceAll(/\W/g, '-')}.xml`);
    const all = ['-n', '2', '--dist', 'loadfile', ...args, `--junit-xml=${file}`];
    return this.#suite(title, this.#run(title, join(VENV, 'pytest'), all, WORKER, options), () => {
      const text = readFileSync(file, 'utf8');
      const number = (name: string): number => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(text)?.[1]);
      const failed = number('failures') + number('errors') + number('skipped');
      const failures = [...text.matchAll(FAILED_CASE)].map(([, file, name, message]) => `${file}: ${name}\n${message}`);
      return { passed: number('tests') - failed, failed, failures };
    });
  }

  /** Prints the failures and the totals, and sets the exit code. */
  end(): void {
    rmSync(this.#reports, { recursive: true, force: true });
    const list = (what: string, tests: readonly string[]): void => {
      for (const test of tests) console.log(`\n${what} ${test.split('\n').slice(0, FAILURE_LINES).join('\n  ')}`);
    };
    list('PASSED AT THE SECOND TRY', this.#retried);
    list('FAILED', this.#failures);
    console.log(`\n${this.#total.passed} passed, ${this.#total.failed} failed`);
    process.exitCode = this.#total.failed === 0 ? 0 : 1;
  }

  /** Adds the counts of a test runner. Without a report or tests, or with a bad exit status, the suite counts as one failure. */
  async #suite(title: string, success: Promise<boolean>, count: () => Count): Promise<void> {
    const ok = await success;
    let counted: Count = { passed: 0, failed: 1 };
    try {
      counted = count();
    } catch {
      console.error(`${title}: no report was written`);
    }
    if (!ok && counted.failed === 0) counted.failed = 1;
    if (counted.passed + counted.failed === 0) counted.failed = 1;
    this.#total.passed += counted.passed;
    this.#total.failed += counted.failed;
    this.#retried.push(...(counted.retried ?? []));
    if (counted.failed > 0) this.#failures.push(...(counted.failures?.length ? counted.failures : [title]));
  }

  /** Runs a program. Returns whether its exit status is 0. */
  #run(title: string, command: string, args: readonly string[], cwd: string, options: RunOptions): Promise<boolean> {
    const { isPatient = false, isWatched = false, isQuiet = false } = { ...this.#defaults, ...options };
    const [program = command, ...rest] = isPatient ? [...PATIENT, command, ...args] : [command, ...args];
    const child = spawn(program, rest, { cwd, stdio: isWatched ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    const startedMs = Date.now();
    if (!isQuiet) console.log(`… ${title}`);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => {
        output += data.toString();
      });
    return new Promise((resolve) => {
      child.once('error', () => resolve(false));
      child.once('close', (code) => {
        const isGood = code === 0;
        const seconds = `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
        if (isQuiet) console.log(`${isGood ? 'ok  ' : 'FAIL'} ${title}: ${seconds}${isGood ? '' : `\n${output}`}`);
        else if (!isWatched) console.log(`\n== ${title}: ${seconds}\n${output}`);
        resolve(isGood);
      });
    });
  }
}

type Report = z.infer<typeof VitestReport>;

/** The failed tests of a report, and the test files that could not be loaded. */
function failuresOf(report: Report): string[] {
  const failed = messagesOf(report, 'failed');
  const unloaded = report.testResults.filter(
    ({ message, assertionResults }) => message !== '' && !assertionResults.some(({ status }) => status === 'failed'),
  );
  return [...failed, ...unloaded.map(({ name, message }) => `${relative(PROJECT, name)}\n${message}`)];
}

/** The tests of this status that failed at least once, with the messages. */
const messagesOf = ({ testResults }: Report, wanted: 'passed' | 'failed'): string[] =>
  testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status, failureMessages }) => status === wanted && (wanted === 'failed' || failureMessages?.length))
      .map(({ fullName, failureMessages }) => `${relative(PROJECT, name)}: ${fullName}\n${failureMessages?.join('\n') ?? ''}`),
  );

/** Runs the functions of the queue in order, at most `lanes` at a time. */
export async function inLanes(lanes: number, queue: (() => Promise<void>)[]): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
