/** `npm run cost [-- --hours 30 --live 0 -c name=value …]`: estimates the monthly cost from the stage's parameters. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { synthesized } from '../bin/synthesized.ts';
import { OWN_IMAGE, VOLUME_GB } from '../core/contracts/machines.ts';
import { METRICS } from '../core/contracts/metrics.ts';
import { PRICES_AS_OF } from '../core/contracts/prices.ts';
import { estimateMonth, type MonthInputs, totalUsd, withOtherImage } from '../core/ledger/month.ts';
import { stageFrom } from '../lib/stage.ts';

const HELP = `npm run cost -- [options]     estimates the monthly cost of a stage; no figure is measured

  --hours N        hours recorded per month (default 30)
  --live SHARE     share of them that is transcribed live, 0 to 1 (default 0: the batch transcribes everything)
  --speed N        seconds of audio that the GPU transcribes per second (default 46, the target for a T4 with small.en)
  --batches N      batches per month that start the GPU (default 60)
  --boot N         seconds from a stopped machine to a ready worker (default 45, a target)
  -c name=value    a parameter of the stage, as for a deployment; repeatable. cdk.context.json is also read`;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '30' },
    live: { type: 'string', default: '0' },
    speed: { type: 'string', default: '46' },
    batches: { type: 'string', default: '60' },
    boot: { type: 'string', default: '45' },
    context: { type: 'string', short: 'c', multiple: true, default: [] },
    help: { type: 'boolean' },
  },
});

function number(name: 'hours' | 'live' | 'speed' | 'batches' | 'boot', max = Number.POSITIVE_INFINITY): number {
  const value = Number(values[name]);
  if (!(value >= 0 && value <= max)) throw new Error(`--${name} must be a number${max === 1 ? ' from 0 to 1' : ''}`);
  return value;
}

/** The context in cdk.context.json, which CDK reads too. */
function contextFile(): Record<string, unknown> {
  const file = join(import.meta.dirname, '..', 'cdk.context.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

function estimate(): void {
  const given = values.context.map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]);
  const context: Record<string, unknown> = { ...contextFile(), ...Object.fromEntries(given) };
  const stage = stageFrom(context);
  const { template } = synthesized(context);
  const month: MonthInputs = {
    audioHours: number('hours'),
    liveShare: number('live', 1),
    speed: Math.max(1, number('speed')),
    bootSeconds: number('boot'),
    batches: number('batches'),
    gpuUsdPerHour: stage.gpuUsdPerHour,
    poolSize: stage.poolSize,
    volumeGb: stage.volumeGb,
    // AWS's image does not fit a smaller volume.
    imageGb: stage.volumeGb < VOLUME_GB.default ? OWN_IMAGE.usedGb : 0,
    idleSeconds: stage.idleSeconds,
    retentionDays: stage.retentionDays,
    alarms: Object.keys(template.findResources('AWS::CloudWatch::Alarm')).length,
    metrics: Object.keys(METRICS).length,
  };
  print(month, `${values.hours} h, ${stage.instanceType}, prices of us-east-1, ${PRICES_AS_OF}`);
}

function print(month: MonthInputs, basis: string): void {
  const lines = estimateMonth(month);
  const other = withOtherImage(month);
  const image = other.imageGb === 0 ? "with AWS's image instead" : 'with your own image';
  const width = Math.max(image.length, ...lines.map(({ what }) => what.length));
  const line = (what: string, usd: number, how: string): void =>
    console.log(`${what.padEnd(width)}  ${usd.toFixed(2).padStart(7)}  ${how}`);
  for (const { what, usd, how } of lines) line(what, usd, how);
  line('total per month, USD', totalUsd(lines), basis);
  line(
    image,
    totalUsd(estimateMonth(other)),
    other.imageGb === 0
      ? `volumes of ${other.volumeGb} GB`
      : `npm run image: volumes of ${other.volumeGb} GB, and about ${other.imageGb} GB of its snapshot`,
  );
}

if (values.help) console.log(HELP);
else {
  try {
    estimate();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 64;
  }
}
