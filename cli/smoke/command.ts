/**
 * `chunkscribe smoke`: tests the product on a real account, with a stage of its own that is deleted afterwards.
 *
 * Steps: check the account -> show what it will cost and ask -> deploy -> create an admin -> checks -> delete the stage -> write the
 * report. The stage is also deleted if a step fails or Ctrl+C is pressed; `--clean` deletes the stages of tests that were killed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { USD } from '../../core/contracts/prices.ts';
import { VERSION } from '../../core/contracts/version.ts';
import { signIn } from '../../host/users.ts';
import { stageFrom } from '../../lib/stage.ts';
import { CliError, connectionAs } from '../connection.ts';
import { examine } from '../doctor/checks.ts';
import { gather } from '../doctor/facts.ts';
import { matching, wholeNumber } from '../options.ts';
import { print, progress } from '../output.ts';
import { apiUrlOf, type StageTarget, stageTarget } from '../stage.ts';
import { type Outcome, runChecks } from './checks.ts';
import { machinesOf } from './machines.ts';
import { deploy, destroy, leftStages, newStageName, type Outputs } from './stage.ts';
import { workerLog } from './worker-log.ts';

/** A test takes about this long; the machines run for most of it. */
const HOURS = 1;
const HOURS_PER_MONTH = 730;
const EMAIL = 'smoke-test@example.com';
const contextPair = matching(
  /^(?!(stage|disposable|retainData|poolSize)=)\w+=.+$/,
  'name=value, but not stage, disposable, retainData or poolSize: a smoke test only uses a stage of its own',
);
const ACCOUNT_NUMBER = /\b\d{12}\b/g;
const SIGNS = { passed: 'ok', failed: 'FAILED', skipped: '-' } as const;

interface SmokeOptions {
  readonly machines: number;
  readonly context: readonly string[];
  readonly yes?: true;
  readonly keep?: true;
  readonly clean?: true;
}

/** Context of the stage. @throws CliError for an invalid value */
function contextOf(stage: string, { machines, context }: SmokeOptions): Record<string, string> {
  const given = context.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  const all = { ...Object.fromEntries(given), stage, disposable: 'true', poolSize: String(machines) };
  try {
    stageFrom(all);
  } catch (error) {
    throw new CliError((error as Error).message);
  }
  return all;
}

/** What the test costs, in one line. */
function spending(context: Readonly<Record<string, string>>): string {
  const { poolSize, instanceType, gpuUsdPerHour, volumeGb, dailyBudgetUsd } = stageFrom(context);
  const perHour = gpuUsdPerHour + USD.addressHour + (volumeGb * USD.volumeGbMonth) / HOURS_PER_MONTH;
  return `about ${(poolSize * HOURS * perHour).toFixed(2)} USD: ${poolSize} × ${instanceType} for up to ${HOURS} h, with volumes of ${volumeGb} GB; the stage starts no machine above ${dailyBudgetUsd} USD a day`;
}

/** Checks the account. @returns the caller's ARN @throws CliError with what is missing */
async function checkAccount(target: StageTarget, context: Readonly<Record<string, string>>): Promise<string> {
  const { instanceType, volumeGb, amiId, poolSize } = stageFrom(context);
  const facts = await gather(target, { instanceType, volumeGb, live: false, ...(amiId !== undefined && { amiId }) });
  const bad = examine(facts, true).filter(({ state }) => state === 'bad');
  if (bad.length > 0) throw new CliError(bad.map(({ name, says, todo }) => `${name}: ${says}\n  -> ${todo}`).join('\n'));
  const [quota, needed] = [facts.vcpuQuota, facts.vcpus];
  if (quota.kind === 'found' && needed.kind === 'found' && quota.value < poolSize * needed.value)
    throw new CliError(`quota: ${quota.value} vCPUs are too few for ${poolSize} machines; --machines 1 skips the check with two`);
  return facts.caller.kind === 'found' ? facts.caller.value : 'unknown';
}

/** @throws CliError unless the user agrees */
async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CliError('the confirmation needs a terminal; --yes goes on without it');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if ((await terminal.question(`${question} Type yes to go on: `)).trim() !== 'yes') throw new CliError('nothing was done');
  } finally {
    terminal.close();
  }
}

/** The API of the stage, as a new admin. */
function adminOf(outputs: Outputs) {
  const password = `Smoke-${randomBytes(12).toString('base64url')}1!`;
  const pool = { userPoolId: outputs['UserPoolId'] ?? '', clientId: outputs['UserPoolClientId'] ?? '' };
  return connectionAs(async () => ({
    api: apiUrlOf(outputs),
    token: (await signIn(pool, { email: EMAIL, password }, 'admin')).access,
  })).api;
}

interface Report {
  readonly passed: boolean;
  readonly stage: string;
  readonly version: string;
  readonly region: string | undefined;
  readonly context: Readonly<Record<string, string>>;
  readonly outcomes: readonly Outcome[];
  /** Newest lines of the workers' log, if a check failed. */
  readonly workerLog?: readonly string[];
}

const outcomeText = ({ name, state, says, seconds }: Outcome): string =>
  `${SIGNS[state].padEnd(7)} ${name.padEnd(19)} ${seconds.toFixed(0).padStart(5)} s  ${says}`;

/** Deploys the stage, runs the checks and deletes it. */
async function test(
  stage: string,
  context: Readonly<Record<string, string>>,
  target: StageTarget,
  { keep, ending, isJson }: { readonly keep: boolean; readonly ending: AbortSignal; readonly isJson: boolean },
): Promise<Report> {
  const { instanceType, volumeGb } = stageFrom(context);
  const folder = mkdtempSync(join(tmpdir(), 'chunkscribe-smoke-'));
  const bar = progress(isJson);
  const outcomes: Outcome[] = [];
  const log: string[] = [];
  const add = (outcome: Outcome): void => {
    outcomes.push(outcome);
    bar.done();
    if (!isJson) process.stderr.write(`${outcomeText(outcome)}\n`);
  };
  /** Runs a step and adds its outcome. */
  const step = async <T>(name: string, says: string, run: () => Promise<T>): Promise<T | undefined> => {
    const startedMs = Date.now();
    const seconds = (): number => (Date.now() - startedMs) / 1000;
    try {
      const result = await run();
      add({ name, state: 'passed', says, seconds: seconds() });
      return result;
    } catch (error) {
      add({ name, state: 'failed', says: (error as Error).message, seconds: seconds() });
      return undefined;
    }
  };
  try {
    const outputs = await step('deployment', `chunkscribe-${stage}`, () =>
      deploy(stage, context, folder, { onLine: (line) => bar.update(line, 'deploying'), ending }),
    );
    if (outputs !== undefined) {
      const machines = machinesOf(outputs);
      const isEmulated = process.env['AWS_ENDPOINT_URL'] !== undefined;
      const seen = {
        api: adminOf(outputs),
        outputs,
        machines,
        target,
        plan: { instanceType, volumeGb, live: false },
        isEmulated,
      };
      await runChecks({ ...seen, onStep: bar.update }, ending, add);
      if (outcomes.some(({ state }) => state === 'failed')) log.push(...(await workerLog(outputs)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    if (!keep) await step('deletion', 'nothing is left', () => destroy(stage, (status) => bar.update(status)));
    bar.done();
  }
  const passed = outcomes.every(({ state }) => state !== 'failed') && !ending.aborted;
  return {
    passed,
    stage,
    version: VERSION,
    region: target.options.region,
    context,
    outcomes,
    ...(!passed && { workerLog: log }),
  };
}

/** Writes the report without account numbers; returns the file's name. */
function save(report: Report): string {
  const file = `chunkscribe-${report.stage}.json`;
  writeFileSync(file, `${JSON.stringify(report, null, 2).replaceAll(ACCOUNT_NUMBER, '<account>')}\n`);
  return file;
}

async function clean(isYes: boolean, isJson: boolean): Promise<void> {
  const stages = await leftStages();
  if (stages.length > 0 && !isYes) await confirm(`This deletes ${stages.join(', ')} with everything in them.`);
  const bar = progress(isJson);
  try {
    for (const stage of stages) await destroy(stage, (status) => bar.update(`${stage}: ${status}`));
  } finally {
    bar.done();
  }
  print(isJson, { deleted: stages }, () =>
    stages.length === 0 ? 'no smoke test has left a stage' : `deleted: ${stages.join(', ')}`,
  );
}

async function smoke(options: SmokeOptions, isJson: boolean): Promise<void> {
  const stage = newStageName();
  const context = contextOf(stage, options);
  const target = stageTarget(stage);
  const caller = await checkAccount(target, context);
  if (!isJson) process.stderr.write(`as ${caller}, in ${target.options.region}\n${spending(context)}\n`);
  if (!options.yes) await confirm(`This deploys chunkscribe-${stage}, tests it and deletes it.`);
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort()); // a second Ctrl+C ends the process at once
  const report = await test(stage, context, target, { keep: options.keep === true, ending: ending.signal, isJson });
  const file = save(report);
  const left = options.keep
    ? `\nchunkscribe-${stage} still exists and costs money; delete it: npx chunkscribe smoke --clean`
    : '';
  print(
    isJson,
    report,
    ({ passed }) =>
      `\nsmoke test ${passed ? 'passed' : 'FAILED'}\nPlease attach ${file} to an issue of this project: it says what works on AWS. It contains no account number.${left}`,
  );
  if (!report.passed) process.exitCode = 1;
}

/** Adds the command to the program. */
export function smokeCommand(program: Command, isJson: () => boolean): void {
  program
    .command('smoke')
    .description('test everything on an AWS account: deploys a stage of its own, disturbs it, and deletes it (about an hour)')
    .option('--machines <n>', 'machines of the stage; 1 skips the check of a terminated machine', wholeNumber(1, 2), 2)
    .option(
      '-c, --context <name=value>',
      'a parameter of the stage, as for a deployment; repeatable',
      (pair: string, all: readonly string[]) => [...all, contextPair(pair)],
      [],
    )
    .option('--yes', 'do not ask before money is spent')
    .option('--keep', 'do not delete the stage')
    .option('--clean', 'only delete the stages that earlier tests have left')
    .action((options: SmokeOptions) => (options.clean ? clean(options.yes === true, isJson()) : smoke(options, isJson())));
}
