/** Every command and option with invalid values. Generated from the command definitions, so new options are included. */
import type { Command, Option } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listLimit, modelName, sessionId } from '../../cli/options.ts';
import { buildProgram, exitOf } from '../../cli/program.ts';
import { apiClient } from '../../core/contracts/calls/client.ts';
import { CostsQuery, CreateJob, FormatQuery, ListJobsQuery, ListQuery, SessionId, StartGpu } from '../../core/contracts/http.ts';

let said = '';
beforeEach(() => {
  said = '';
  for (const stream of [process.stderr, process.stdout])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said += text;
      return true;
    });
});
afterEach(() => vi.restoreAllMocks());

const noCall = (): Promise<never> => Promise.reject(new Error('an invalid usage called the stage'));
const build = (): Command => buildProgram({ api: apiClient({ send: noCall }), credentials: noCall });

async function codeOf(args: readonly string[]): Promise<number> {
  said = '';
  try {
    await build().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    const { code, line } = exitOf(error);
    said += line ?? '';
    return code;
  }
}

interface Leaf {
  readonly path: readonly string[];
  readonly command: Command;
}
const below = (command: Command, path: readonly string[] = []): { leaves: Leaf[]; groups: string[][] } => {
  if (command.commands.length === 0) return { leaves: [{ path, command }], groups: [] };
  const inside = command.commands.map((one) => below(one, [...path, one.name()]));
  return { leaves: inside.flatMap(({ leaves }) => leaves), groups: [[...path], ...inside.flatMap(({ groups }) => groups)] };
};
const { leaves, groups } = below(build());

const GOOD_ARGUMENT: Readonly<Record<string, string>> = {
  session: 'session_a',
  job: 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  id: 'session_a',
  chunk: '1',
  name: 'batch-2026-03-01-0000',
  folder: 'docs',
  file: 'nowhere.mp3',
  title: 'Tuesday',
  speaker: 'S2',
  voice: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  'new-name': 'Ana',
};
const goodArguments = ({ command }: Leaf): string[] =>
  command.registeredArguments.map((argument) => {
    const good = GOOD_ARGUMENT[argument.name()];
    if (good === undefined) throw new Error(`no good value of <${argument.name()}> is known here`);
    return good;
  });
const mandatory = ({ command }: Leaf, except?: Option): string[] =>
  command.options.flatMap((option) => (option.mandatory && option !== except ? [option.long ?? '', 'someone'] : []));

/** Invalid values of an option, in addition to an empty and a very long one. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  '--limit': ['x', '0', '-1', '1.5', '101', '0x10', '1e2'],
  '--lines': ['x', '0', '-5'],
  '--minutes': ['x', '0', '721', 'NaN'],
  '--month': ['2026-13', '2026', 'May'],
  '--format': ['pdf', 'TXT'],
  '--status': ['done'],
  '--channels': ['left'],
  '--recorded-at': ['yesterday', '2026-03-01', '2026-03-01T09:30:00'],
  '--language': ['klingon'],
  '--stage': ['Prod', 'a stage'],
  '--user': ['someone@example.com'],
  '--instance-type': ['large'],
  '--min-speakers': ['x', '0', '51'],
  '--max-speakers': ['0', '51'],
  '--volume-gb': ['x', '19', '1001'],
};
/** An empty language means detection. */
const MAY_BE_EMPTY = ['--language'];

const valued = leaves.flatMap((leaf) =>
  leaf.command.options.filter(({ required }) => required).map((option) => ({ leaf, option })),
);

test('an option with an invalid value is an invalid usage, with a line that names it and the accepted values [operation.usage]', async () => {
  expect(valued.length).toBeGreaterThan(15);
  for (const { leaf, option } of valued) {
    const long = option.long ?? '';
    const wrong = [...(MAY_BE_EMPTY.includes(long) ? [] : ['']), 'x'.repeat(5000), ...(WRONG[long] ?? [])];
    for (const value of wrong) {
      const args = [...leaf.path, ...goodArguments(leaf), ...mandatory(leaf, option), `${long}=${value}`];
      expect(await codeOf(args), args.join(' ')).toBe(64);
      expect(said).toContain(`option '${option.flags}'`);
      expect(said).toMatch(/is invalid\. (It takes .+|Allowed choices are .+)\.$/m);
    }
    const args = [...leaf.path, ...goodArguments(leaf), ...mandatory(leaf, option), long];
    expect(await codeOf(args), args.join(' ')).toBe(64);
    expect(said).toContain(`option '${option.flags}' argument missing`);
  }
});

/** Invalid values of an argument. */
function wrongValues(argument: string): readonly string[] {
  if (['file', 'folder'].includes(argument)) return []; // checked against the file system
  const isFreeText = ['title', 'speaker', 'new-name'].includes(argument);
  return [...(isFreeText ? [] : ['', 'no id', '../x', '0x1']), 'x'.repeat(5000)];
}

test('invalid, missing and surplus arguments are invalid usages, with a line that names them [operation.usage]', async () => {
  for (const leaf of leaves) {
    const good = goodArguments(leaf);
    for (const [index, argument] of leaf.command.registeredArguments.entries()) {
      for (const value of wrongValues(argument.name())) {
        const args = [...leaf.path, ...good.with(index, value), ...mandatory(leaf)];
        expect(await codeOf(args), args.join(' ')).toBe(64);
        expect(said).toMatch(new RegExp(`for argument '${argument.name()}'\\. It takes .+\\.`));
      }
    }
    const required = leaf.command.registeredArguments.filter((argument) => argument.required);
    if (required.length > 0) {
      expect(await codeOf([...leaf.path, ...mandatory(leaf)])).toBe(64);
      expect(said).toContain(`missing required argument '${required[0]?.name()}'`);
    }
    if (leaf.command.registeredArguments.some(({ variadic }) => variadic)) continue;
    expect(await codeOf([...leaf.path, ...good, ...mandatory(leaf), 'more'])).toBe(64);
    expect(said).toContain('too many arguments');
  }
});

test('unknown options and commands are invalid usages, also with --help [operation.usage]', async () => {
  for (const leaf of leaves) {
    expect(await codeOf([...leaf.path, ...goodArguments(leaf), ...mandatory(leaf), '--bogus'])).toBe(64);
    expect(said).toContain("unknown option '--bogus'");
    expect(await codeOf([...leaf.path, '--help']), leaf.path.join(' ')).toBe(0);
  }
  for (const group of groups)
    for (const args of [['bogus'], ['bogus', '--help'], ['help', 'bogus']]) {
      expect(await codeOf([...group, ...args]), [...group, ...args].join(' ')).toBe(64);
      expect(said).toContain("unknown command 'bogus'");
      expect(said).not.toContain('Usage:');
    }
});

test('the command line accepts exactly the values that the API accepts [operation.usage]', async () => {
  expect([100, 101].map((limit) => ListQuery.safeParse({ limit }).success)).toEqual([true, false]);
  expect(listLimit('100')).toBe(100);
  expect([720, 721].map((minutes) => StartGpu.safeParse({ minutes }).success)).toEqual([true, false]);
  expect(['2026-12', '2026-13'].map((month) => CostsQuery.safeParse({ month }).success)).toEqual([true, false]);
  const job = { filename: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 1 };
  for (const [field, longest] of [
    ['prompt', 800],
    ['hotwords', 400],
    ['model', 100],
  ] as const)
    for (const more of [0, 1])
      expect(CreateJob.safeParse({ ...job, [field]: 'x'.repeat(longest + more) }).success, field).toBe(more === 0);
  expect([50, 51].map((maxSpeakers) => CreateJob.safeParse({ ...job, maxSpeakers }).success)).toEqual([true, false]);
  expect(modelName('x'.repeat(100))).toHaveLength(100);
  const longestId = `session_${'a'.repeat(64)}`;
  expect([longestId, `${longestId}a`].map((id) => SessionId.safeParse(id).success)).toEqual([true, false]);
  expect(sessionId(longestId)).toBe(longestId);
  for (const { option } of valued)
    for (const value of option.argChoices ?? []) {
      const checks: Readonly<Record<string, () => { readonly success: boolean }>> = {
        '--format': () => FormatQuery.safeParse({ format: value }),
        '--status': () => ListJobsQuery.safeParse({ status: value }),
        '--sort': () => ({ success: true }), // the command line sorts
        '--channels': () => CreateJob.safeParse({ ...job, channels: value }),
      };
      expect(checks[option.long ?? '']?.().success, value).toBe(true);
    }
});
