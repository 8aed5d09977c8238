/** bench/RESULTS.md: one section per measurement, each with its date and machine. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../host/paths.ts';

const RESULTS = join(PROJECT, 'bench', 'RESULTS.md');

/** The machine that measures. */
export const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
export const today = new Date().toISOString().slice(0, 10);

/** Writes a section of bench/RESULTS.md; replaces the one with the same title. */
export function write(title: string, lines: readonly string[]): void {
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '# Measured\n';
  const others = before.split(/^(?=## )/m).filter((section) => !section.startsWith(`## ${title}\n`));
  writeFileSync(RESULTS, `${others.join('').trimEnd()}\n\n## ${title}\n\n${lines.join('\n')}\n`);
}
