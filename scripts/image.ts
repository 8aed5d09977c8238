/** `npm run image [-- check | deploy]`: builds an image of the GPU machines for volumes of 20 GB (lib/machine-image.ts). */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { OWN_IMAGE, VOLUME_GB } from '../core/contracts/machines.ts';
import { USD, USD_PER_HOUR } from '../core/contracts/prices.ts';

const FOLDER = join('.local', 'image');
const OUTPUTS = join(FOLDER, 'outputs.json');
const Outputs = z.object({ 'chunkscribe-image': z.object({ ImageId: z.string() }) });
const BUILD_HOURS = 0.6;
const USAGE = 64;

const usd = (amount = 0): string => amount.toFixed(2);
const monthly = (gb: number): string => usd(gb * USD.volumeGbMonth);

const HELP = `npm run image                    validates the template of the image and explains what a build does
npm run image -- deploy          builds the image in your account, and prints its id

Further options are passed to cdk: --profile NAME, -c instanceType=TYPE. cdk.context.json is also read.`;

const EXPLANATION = `The template is valid. A build starts a machine with Canonical's newest Ubuntu 24.04, installs what gpu-worker/image/install.sh lists,
and runs gpu-worker/image/check.sh on it and on a new machine from the image. Both are of the stage's instance type, so the quota of
its G instances must have room for one of them: the stage's own machines must not run meanwhile.

  a build      about ${usd(BUILD_HOURS * (USD_PER_HOUR['g4dn.xlarge'] ?? 0))} USD (g4dn.xlarge, an estimated ${BUILD_HOURS * 60} minutes)
  the image    about ${usd(OWN_IMAGE.usedGb * USD.snapshotGbMonth)} USD per month (snapshot of at most ${OWN_IMAGE.usedGb} GB)
  the volume   ${monthly(OWN_IMAGE.volumeGb)} USD per month and machine (${OWN_IMAGE.volumeGb} GB), instead of ${monthly(VOLUME_GB.default)} (${VOLUME_GB.default} GB)

Build it: npm run image -- deploy`;

const imageReport = (
  id: string,
): string => `The image is ${id}. Set these values in cdk.context.json and deploy the stage, which replaces its machines:

  "amiId": "${id}",
  "volumeGb": ${OWN_IMAGE.volumeGb}

Images of earlier builds remain, and each costs its snapshot, until you deregister them in the EC2 console.`;

/** Runs cdk with the application of the image; returns its exit status. */
function cdk(command: string, args: readonly string[]): number {
  const app = 'node --disable-warning=ExperimentalWarning bin/image.ts';
  const all = [command, '--app', app, '--output', join(FOLDER, 'cdk.out'), ...args];
  const { status, error } = spawnSync('cdk', all, { stdio: 'inherit' });
  if (error) console.error(`cdk cannot be started: ${error.message}`);
  return status ?? 1;
}

function check(options: readonly string[]): number {
  const status = cdk('synth', ['--quiet', ...options]);
  if (status === 0) console.log(EXPLANATION);
  return status;
}

function deploy(options: readonly string[]): number {
  mkdirSync(FOLDER, { recursive: true });
  rmSync(OUTPUTS, { force: true });
  const status = cdk('deploy', ['--outputs-file', OUTPUTS, ...options]);
  if (status !== 0) return status;
  const { data } = Outputs.safeParse(existsSync(OUTPUTS) ? JSON.parse(readFileSync(OUTPUTS, 'utf8')) : undefined);
  if (data === undefined) {
    console.error('cdk reported no image; nothing was deployed');
    return 1;
  }
  console.log(imageReport(data['chunkscribe-image'].ImageId));
  return 0;
}

const [first = 'check', ...others] = process.argv.slice(2);
const [command, options] = first.startsWith('-') ? ['check', [first, ...others]] : [first, others];
if (options.includes('--help')) console.log(HELP);
else if (command === 'check') process.exitCode = check(options);
else if (command === 'deploy') process.exitCode = deploy(options);
else {
  console.error(`unknown command ${command}: use check or deploy; npm run image -- --help explains them`);
  process.exitCode = USAGE;
}
