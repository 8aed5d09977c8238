/** `npm run bench -- [kills] [--count N] [--seed N]`: what is measured, written to bench/RESULTS.md with the machine it was measured on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../host/paths.ts';
import { kills } from './kills.ts';

const RESULTS = join(PROJECT, 'bench', 'RESULTS.md');
const DEFAULT_KILLS = 200;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string' } },
});
const unknown = positionals.filter((name) => name !== 'kills');
if (unknown.length > 0) throw new Error(`no such measurement: ${unknown.join()}; there is: kills`);

const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

/** Puts the section in the place of the one of the same title. */
function write(title: string, text: string): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Measured\n';
  const others = before.split(/^(?=## )/m).filter((section) => !section.startsWith(`## ${title}\n`));
  writeFileSync(RESULTS, `${others.join('').trimEnd()}\n\n## ${title}\n\n${text}\n`);
}

const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const result = await kills(Number(values.count ?? DEFAULT_KILLS), seed);
console.log(result);
write(
  'Recovery: kills of the worker at random times',
  [
    `${new Date().toISOString().slice(0, 10)}, ${machine}; demo model, leases of 3 s, a chunk of 10 s every 2 s; seed ${seed}.`,
    '',
    '| kills (SIGKILL) | while a chunk was leased | chunks | lost | transcribed twice | seconds |',
    '|---|---|---|---|---|---|',
    `| ${result.kills} | ${result.killedInWork} | ${result.chunks} | ${result.lost} | ${result.twice} | ${result.seconds} |`,
  ].join('\n'),
);
process.exitCode = result.lost === 0 && result.twice === 0 ? 0 : 1;
