import type { Command } from 'commander';
import { print } from '../output.ts';
import { placeOf } from '../stage.ts';
import { examine, type Line } from './checks.ts';
import { gather } from './facts.ts';

const SIGNS = { good: 'ok', notice: '!', bad: 'RED', waits: '-' } as const;
/** Any stage: before a deployment nobody asks for its stack. */
const BEFORE = 'dev';

const shown = (lines: readonly Line[]): string => {
  const width = Math.max(...lines.map(({ name }) => name.length));
  return lines
    .flatMap(({ name, state, says, todo }) => [
      `${SIGNS[state].padEnd(4)}${name.padEnd(width)}  ${says}`,
      ...(todo === undefined ? [] : [`    ${' '.repeat(width)}  -> ${todo}`]),
    ])
    .join('\n');
};

export function doctorCommand(program: Command, isJson: () => boolean): void {
  program
    .command('doctor')
    .description('look whether everything is as it must be, before and after a deployment; changes nothing')
    .option('--stage <name>', 'a stage on AWS, with the AWS credentials of the environment (without it: the local host)')
    .option('--before', 'before the first deployment: only what the account needs')
    .option('--instance-type <type>', 'machine that is to be deployed', 'g4dn.xlarge')
    .action(async (options: { stage?: string; before?: true; instanceType: string }) => {
      const place = placeOf(options.stage ?? (options.before ? BEFORE : undefined));
      const facts = await gather(place, options.instanceType);
      const lines = examine(facts, options.before === true);
      const isWell = lines.every(({ state }) => state === 'good' || state === 'notice');
      print(
        isJson(),
        { well: isWell, lines },
        () => `${shown(lines)}\n\n${isWell ? 'nothing is red' : 'something is red: what to do is beside it'}`,
      );
      if (!isWell) process.exitCode = 1;
    });
}
