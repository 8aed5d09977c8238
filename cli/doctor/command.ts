import type { Command } from 'commander';
import { VOLUME_GB } from '../../core/contracts/machines.ts';
import { matching, stageOption, wholeNumber } from '../options.ts';
import { print } from '../output.ts';
import { stageTarget } from '../stage.ts';
import { examine, type Line } from './checks.ts';
import { gather } from './facts.ts';

const SIGNS = { good: 'ok', notice: '!', bad: 'RED', waits: '-' } as const;
/** Placeholder: `--before` does not read the stack, so the stage does not matter. */
const BEFORE = 'dev';
const instanceType = matching(/^[a-z][a-z0-9-]{0,30}\.[a-z0-9-]{1,30}$/, 'an EC2 instance type, such as g4dn.xlarge');

const shown = (lines: readonly Line[]): string => {
  const width = Math.max(...lines.map(({ name }) => name.length));
  return lines
    .flatMap(({ name, state, says, todo }) => [
      `${SIGNS[state].padEnd(4)}${name.padEnd(width)}  ${says}`,
      ...(todo === undefined ? [] : [`    ${' '.repeat(width)}  -> ${todo}`]),
    ])
    .join('\n');
};

/** `chunkscribe doctor`: checks an account and a stage. */
export function doctorCommand(program: Command, isJson: () => boolean): void {
  program
    .command('doctor')
    .description('check everything before and after a deployment; changes nothing')
    .option(...stageOption)
    .option('--before', 'before the first deployment: check only the account')
    .option('--instance-type <type>', 'machine type to deploy', instanceType, 'g4dn.xlarge')
    .option('--volume-gb <GB>', 'volume of the machine to deploy', wholeNumber(VOLUME_GB.min, VOLUME_GB.max), VOLUME_GB.default)
    .option(
      '--ami-id <id>',
      'image of the machine to deploy; default: the newest one of AWS',
      matching(/^ami-[0-9a-f]+$/, 'an id such as ami-0123456789abcdef0'),
    )
    .option('--no-live', 'for a stage with liveDefault=false')
    .action(
      async (options: {
        stage?: string;
        before?: true;
        instanceType: string;
        volumeGb: number;
        amiId?: string;
        live: boolean;
      }) => {
        const target = stageTarget(options.stage ?? (options.before ? BEFORE : undefined));
        const facts = await gather(target, options);
        const lines = examine(facts, options.before === true);
        const isWell = lines.every(({ state }) => state === 'good' || state === 'notice');
        print(
          isJson(),
          { well: isWell, lines },
          () => `${shown(lines)}\n\n${isWell ? 'all checks passed' : 'some checks failed; lines marked -> are remedies'}`,
        );
        if (!isWell) process.exitCode = 1;
      },
    );
}
