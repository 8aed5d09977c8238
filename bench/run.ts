/** `npm run bench -- [kills] [stop-latency] [options]`: what is measured, written to bench/RESULTS.md with the machine it was measured on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../host/paths.ts';
import { kills } from './kills.ts';
import { quantile, stopLatency } from './stop-latency.ts';

const RESULTS = join(PROJECT, 'bench', 'RESULTS.md');
const DEFAULT_KILLS = '200';
const DEFAULT_MINUTES = '5,60,180';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** kills: how many. */
    count: { type: 'string', default: DEFAULT_KILLS },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** stop-latency: lengths of the recordings. */
    minutes: { type: 'string', default: DEFAULT_MINUTES },
    'no-peer': { type: 'boolean', default: false },
  },
});

const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
const today = new Date().toISOString().slice(0, 10);

/** Puts the section in the place of the one of the same title. */
function write(title: string, lines: readonly string[]): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Measured\n';
  const others = before.split(/^(?=## )/m).filter((section) => !section.startsWith(`## ${title}\n`));
  writeFileSync(RESULTS, `${others.join('').trimEnd()}\n\n## ${title}\n\n${lines.join('\n')}\n`);
}

/** Each answers whether what must hold does. */
const MEASUREMENTS: Readonly<Record<string, () => Promise<boolean>>> = {
  async kills() {
    const seed = Number(values.seed);
    const result = await kills(Number(values.count), seed);
    write('Recovery: kills of the worker at random times', [
      `${today}, ${machine}; demo model, leases of 3 s, a chunk of 10 s every 2 s; seed ${seed}.`,
      '',
      '| kills (SIGKILL) | while a chunk was leased | chunks | lost | transcribed twice | seconds |',
      '|---|---|---|---|---|---|',
      `| ${result.kills} | ${result.killedInWork} | ${result.chunks} | ${result.lost} | ${result.twice} | ${result.seconds} |`,
    ]);
    return result.lost === 0 && result.twice === 0;
  },

  async 'stop-latency'() {
    const { oneChunk, lengths, presignMs } = await stopLatency(values.minutes.split(',').map(Number), !values['no-peer']);
    const seconds = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
    const row = (what: string, stops: readonly number[], atTheEnd?: number): string =>
      `| ${what} | ${seconds(quantile(stops, 0.5))} | ${seconds(quantile(stops, 0.95))} | ${stops.length} | ${seconds(atTheEnd)} |`;
    write('From Stop to the whole text', [
      `${today}, ${machine}; demo model on the CPU, chunks of 30 s, worker warm; polled every 50 ms. The last column: the same recording, all of it`,
      'transcribed at its end (once).',
      '',
      '| recording | median, s | p95, s | stops | all at the end, s |',
      '|---|---|---|---|---|',
      row('one chunk', oneChunk),
      ...lengths.map(({ minutes, stops, atTheEnd }) => row(`${minutes} min`, stops, atTheEnd)),
      '',
      `Asking for an upload's address: median ${quantile(presignMs, 0.5).toFixed(0)} ms, p95 ${quantile(presignMs, 0.95).toFixed(0)} ms of ${presignMs.length} calls,`,
      'HTTP and emulator included.',
    ]);
    const alone = quantile(oneChunk, 0.5);
    return lengths.every(({ stops }) => quantile(stops, 0.95) <= alone + 2) && quantile(presignMs, 0.95) <= 100;
  },
};

const names = positionals.length > 0 ? positionals : Object.keys(MEASUREMENTS);
const unknown = names.filter((name) => MEASUREMENTS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`no such measurement: ${unknown.join()}; there are: ${Object.keys(MEASUREMENTS).join(', ')}`);
for (const name of names) {
  const holds = await MEASUREMENTS[name]?.();
  console.log(`${name}: ${holds ? 'holds' : 'does not hold'} what it must; see bench/RESULTS.md`);
  if (!holds) process.exitCode = 1;
}
