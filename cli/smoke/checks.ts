/**
 * The checks of a smoke test, in order. Each returns a line about what was seen, or throws.
 *
 * Gotcha: the time limits fit AWS, where a machine takes minutes to boot or to be noticed as missing.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import type { ApiClient } from '../../core/contracts/calls/client.ts';
import { CliError } from '../connection.ts';
import { examine } from '../doctor/checks.ts';
import { gather, type Plan } from '../doctor/facts.ts';
import { resultsIn, selfTest } from '../self-test.ts';
import type { StageTarget } from '../stage.ts';
import type { Machines } from './machines.ts';
import { type Recording, record } from './recorder.ts';
import type { Outputs } from './stage.ts';

const MINUTE = 60;
const LIMITS = { install: 40 * MINUTE, text: 15 * MINUTE, idle: 10 * MINUTE, check: 45 * MINUTE };
/** Wrong words per spoken word that a smoke test accepts; the sample has 0.3 % with `small.en`. */
const MAX_WORD_ERRORS = 0.1;

/** A deployed stage, seen by its admin. */
export interface SmokeStage {
  readonly api: ApiClient;
  readonly outputs: Outputs;
  readonly machines: Machines;
  readonly target: StageTarget;
  readonly plan: Plan;
  /** On an emulator there is no GPU. */
  readonly isEmulated: boolean;
  readonly onStep: (line: string) => void;
}

interface Check {
  readonly name: string;
  /** The checks after it need it. */
  readonly isRequired?: boolean;
  /** Why it cannot be tried on this stage; undefined if it can. */
  readonly skippedBecause?: (stage: SmokeStage) => string | undefined;
  readonly run: (stage: SmokeStage) => Promise<string>;
}

export interface Outcome {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly says: string;
  readonly seconds: number;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** @throws CliError if too many words are wrong */
function described({ firstTextSeconds, fullTextSeconds, wordErrors, attempts }: Recording): string {
  const says = `first text after ${firstTextSeconds.toFixed(0)} s, complete text ${fullTextSeconds.toFixed(1)} s after Stop, ${percent(wordErrors)} of the words wrong, at most ${attempts} attempts per chunk`;
  if (wordErrors > MAX_WORD_ERRORS) throw new CliError(says);
  return says;
}

async function examined({ target, plan, isEmulated }: SmokeStage): Promise<string> {
  const lines = examine(await gather(target, plan), false);
  // One recording at a time needs few concurrent executions.
  const accepted = ['functions', ...(isEmulated ? ['device'] : [])];
  const bad = lines.filter(({ name, state }) => state === 'bad' && !accepted.includes(name));
  if (bad.length > 0) throw new CliError(bad.map(({ name, says }) => `${name}: ${says}`).join('; '));
  const device = lines.find(({ name }) => name === 'device');
  return `${lines.length} checks of the doctor; device ${device?.says}`;
}

async function restored({ api, outputs, isEmulated, onStep }: SmokeStage): Promise<string> {
  const results = resultsIn(new S3Client({ forcePathStyle: isEmulated }), outputs['BucketName'] ?? '');
  const { passed, ...seen } = await selfTest(api, results, { onStep, isJson: true });
  if (!passed) throw new CliError(JSON.stringify(seen));
  return `${seen.run} restored a deleted result`;
}

async function paid({ api }: SmokeStage): Promise<string> {
  const { usd, gpuSeconds, usdPerHour } = await api('GET /api/costs');
  if (usd <= 0 || gpuSeconds <= 0) throw new CliError('the ledger has no GPU time');
  return `${usd.toFixed(3)} USD for ${(gpuSeconds / MINUTE).toFixed(1)} min of GPU time at ${usdPerHour} USD per hour`;
}

const CHECKS: readonly Check[] = [
  {
    name: 'first boot',
    isRequired: true,
    run: async ({ machines }) => {
      await machines.awaitStopped(LIMITS.install);
      return 'the machines have installed themselves and stopped';
    },
  },
  {
    name: 'recording',
    isRequired: true,
    run: async ({ api }) => described(await record(api, 'Smoke test', LIMITS.text)),
  },
  { name: 'doctor', run: examined },
  { name: 'self-test', run: restored },
  {
    name: 'worker killed',
    run: async ({ api, machines }) =>
      described(
        await record(api, 'Smoke test: worker killed', LIMITS.text, async () => machines.killWorker(await machines.running())),
      ),
  },
  {
    name: 'run aborted',
    run: async ({ api, machines }) =>
      described(await record(api, 'Smoke test: run aborted', LIMITS.text, () => machines.abortRun())),
  },
  {
    name: 'machine terminated',
    skippedBecause: ({ machines }) => (machines.ids.length < 2 ? 'needs two machines' : undefined),
    run: async ({ api, machines }) =>
      described(
        await record(api, 'Smoke test: machine terminated', LIMITS.text, async () => {
          await machines.terminate(await machines.running());
        }),
      ),
  },
  {
    name: 'idle stop',
    run: async ({ machines }) => {
      const startedMs = Date.now();
      await machines.awaitStopped(LIMITS.idle);
      return `all machines stopped ${((Date.now() - startedMs) / 1000).toFixed(0)} s after the last text`;
    },
  },
  { name: 'cost', run: paid },
];

/** Runs one check within its time limit. */
async function outcomeOf(check: Check, stage: SmokeStage, ending: AbortSignal): Promise<Outcome> {
  const { name } = check;
  const startedMs = Date.now();
  const outcome = (state: Outcome['state'], says: string): Outcome => ({
    name,
    state,
    says,
    seconds: (Date.now() - startedMs) / 1000,
  });
  const reason = check.skippedBecause?.(stage);
  if (reason !== undefined) return outcome('skipped', reason);
  const over = wait(1000 * LIMITS.check, undefined, { signal: ending, ref: false }).then(
    () => Promise.reject(new CliError('timed out')),
    () => Promise.reject(new CliError('interrupted')),
  );
  try {
    return outcome('passed', await Promise.race([check.run(stage), over]));
  } catch (error) {
    return outcome('failed', (error as Error).message || (error as Error).name);
  }
}

/** Runs all checks in order. `onOutcome` receives each result; after a required check that fails, the others are skipped. */
export async function runChecks(
  stage: SmokeStage,
  ending: AbortSignal,
  onOutcome: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let failed: string | undefined;
  for (const check of CHECKS) {
    const isSkipped = failed !== undefined || ending.aborted;
    const outcome: Outcome = isSkipped
      ? { name: check.name, state: 'skipped', says: ending.aborted ? 'interrupted' : `needs: ${failed}`, seconds: 0 }
      : await outcomeOf(check, stage, ending);
    if (check.isRequired && outcome.state === 'failed') failed = check.name;
    outcomes.push(outcome);
    onOutcome(outcome);
  }
  return outcomes;
}
