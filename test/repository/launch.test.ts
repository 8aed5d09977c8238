/** The launcher on an unsuitable machine: it prints one line at once, before anything is installed. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { PROJECT } from '../../host/paths.ts';
import { poll } from '../../host/poll.ts';

/** The user `nobody`: tests may run as root, who can write to any folder. */
const OTHER_USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const place = mkdtempSync(join(tmpdir(), 'launch-'));
const tools = join(place, 'bin');
const node = join(tools, 'node');
let clone = '';
let calls = '';

/** Creates a fake system program. It records its call, then runs `code` (JavaScript). */
function program(name: string, code: string): void {
  const file = join(tools, name);
  const lines = [
    `#!${node}`,
    "const fs = require('node:fs'), path = require('node:path');",
    'const args = process.argv.slice(2);',
  ];
  lines.push(`fs.appendFileSync(process.env.CALLS, ${JSON.stringify(name)} + ' ' + args.join(' ') + '\\n');`, code);
  writeFileSync(file, lines.join('\n'));
  chmodSync(file, 0o755);
}

chmodSync(place, 0o755);
mkdirSync(tools);
try {
  linkSync(process.execPath, node);
} catch {
  copyFileSync(process.execPath, node);
}
const NPM = `const bin = path.join('node_modules', '.bin'); fs.mkdirSync(bin, { recursive: true });
if (!fs.existsSync(path.join(bin, 'node'))) fs.symlinkSync(${JSON.stringify(node)}, path.join(bin, 'node'));`;
const PYTHON = `if (args[1]?.startsWith('import sys')) console.log(process.env.PYTHON_VERSION ?? '3 11');
else if (args[1]?.startsWith('import venv')) process.exitCode = process.env.WITHOUT_VENV ? 1 : 0;
else if (args[1] === 'venv') {
  fs.mkdirSync(path.join(args[2], 'bin'), { recursive: true });
  for (const name of ['python', 'uv', 'pytest']) fs.copyFileSync(process.argv[1], path.join(args[2], 'bin', name));
}`;
const SCRIPT = `console.log(JSON.stringify([process.cwd(), process.env.CHUNKSCRIBE_HOME ?? null, ...process.argv.slice(2)]));
if (process.argv[2] === 'end') process.exitCode = Number(process.argv[3]);
if (process.argv[2] === 'signal') process.kill(process.pid, process.argv[3]);`;

beforeEach(() => {
  program('npm', NPM);
  program('python3', PYTHON);
  clone = mkdtempSync(join(place, 'clone-'));
  calls = join(mkdtempSync(join(place, 'calls-')), 'calls');
  writeFileSync(calls, '');
  chmodSync(calls, 0o666);
  chmodSync(dirname(calls), 0o755);
  const files = ['package-lock.json', 'scripts/uv.txt', 'host/emulator/requirements.txt'];
  files.push(...['cloud', 'serve'].map((extra) => `gpu-worker/requirements-${extra}.txt`));
  for (const file of [...files, 'host/start.ts', 'host/reset.ts', 'cli/main.ts']) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    writeFileSync(join(clone, file), file.endsWith('.ts') ? SCRIPT : '{}');
  }
  copyFileSync(join(PROJECT, 'scripts', 'launch.mjs'), join(clone, 'scripts', 'launch.mjs'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Setting {
  readonly env?: NodeJS.ProcessEnv;
  readonly asOther?: boolean;
  readonly cwd?: string;
}
function begin(args: readonly string[], { env = {}, asOther = false, cwd = clone }: Setting = {}) {
  const child: ChildProcess = spawn(node, [join(clone, 'scripts', 'launch.mjs'), ...args], {
    cwd,
    env: { PATH: tools, CALLS: calls, ...env },
    ...(asOther && OTHER_USER),
  });
  const output = { out: '', err: '' };
  child.stdout?.on('data', (data: Buffer) => {
    output.out += data.toString();
  });
  child.stderr?.on('data', (data: Buffer) => {
    output.err += data.toString();
  });
  const end = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, ...output })),
  );
  return { child, output, end };
}
const launch = (args: readonly string[], setting?: Setting) => begin(args, setting).end;
const called = (): string[] => readFileSync(calls, 'utf8').split('\n').filter(Boolean);
/** Calls of programs that install something. */
const installs = (): string[] => called().filter((call) => !call.includes(' -c '));
const lock = (folder: string): void => {
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (name.isDirectory()) chmodSync(join(name.parentPath, name.name), 0o555);
  chmodSync(folder, 0o555);
};
const escaped = (text: string): string => text.replace(/[/\\^$*+?.()|[\]{}]/g, '\\$&');

test('on a new machine everything is installed once, and the script runs in its own folder', async () => {
  const first = await launch(['host/start.ts', '--port', '9000']);
  expect([first.code, JSON.parse(first.out)]).toEqual([0, [clone, null, '--port', '9000']]);
  expect(first.err).toMatch(/^ {2}npm packages …\n {2}npm packages: \d+ s\n/);
  expect(installs()[0]).toMatch(/^npm ci /);
  writeFileSync(calls, '');
  expect((await launch(['host/start.ts'])).err).toBe('');
  expect(called()).toEqual([]);
});

test('only the measurements install the packages with which results are compared', async () => {
  const extras = ['dev', 'bench'].map((extra) => `gpu-worker/requirements-${extra}.txt`);
  for (const file of [...extras, 'bench/run.ts', 'bench/proof.ts']) {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    writeFileSync(join(clone, file), file.endsWith('.ts') ? SCRIPT : '{}');
  }
  const peers = () => installs().filter((call) => call.includes('requirements-bench.txt'));
  expect([(await launch(['bench/proof.ts'])).code, peers()]).toEqual([0, []]);
  expect([(await launch(['bench/run.ts', 'diarization'])).code, peers()]).toEqual([
    0,
    [expect.stringContaining('--require-hashes')],
  ]);
});

test('a clone that is not writable is reported in one line, before any step [start.at-once]', async () => {
  chmodSync(clone, 0o555);
  const elsewhere = mkdtempSync(join(place, 'home-'));
  chmodSync(elsewhere, 0o777);
  for (const [args, env, begins] of [
    [['host/start.ts'], {}, `The local host cannot store its files in ${clone}: `],
    [['host/reset.ts'], {}, `The local host cannot store its files in ${clone}: `],
    [['host/start.ts'], { CHUNKSCRIBE_HOME: elsewhere }, `Packages cannot be installed into ${clone}: `],
    [['cli/main.ts'], {}, `Packages cannot be installed into ${clone}: `],
  ] as const) {
    const { code, out, err } = await launch(args, { env, asOther: true });
    const line = `^${escaped(`${begins}this user cannot write to ${clone}`)}(/\\.local)? \\(EACCES\\)\\. Clone the project into a folder of your own\\.\\n$`;
    expect({ code, out, err }).toEqual({ code: 1, out: '', err: expect.stringMatching(line) });
  }
  expect(called()).toEqual([]);
});

test('a clone that another user has installed is used unchanged [start.at-once]', async () => {
  await launch(['host/start.ts']);
  lock(clone);
  writeFileSync(calls, '');
  const inOwn = mkdtempSync(join(place, 'own-'));
  if (OTHER_USER.uid !== undefined) chownSync(inOwn, OTHER_USER.uid, OTHER_USER.gid);
  const { code, out, err } = await launch(['cli/main.ts', 'transcribe', 'talk.wav'], { asOther: true, cwd: inOwn });
  // File names are relative to the user's working directory.
  expect({ code, out: JSON.parse(out), err }).toEqual({ code: 0, out: [inOwn, null, 'transcribe', 'talk.wav'], err: '' });
  expect(await launch(['host/start.ts'], { asOther: true })).toMatchObject({
    code: 1,
    err: expect.stringContaining('The local host cannot store its files in'),
  });
  expect(called()).toEqual([]);
});

test.each([
  ['under a file', () => join(clone, 'package-lock.json', 'x'), /package-lock\.json is not a folder/],
  ['deep under a file', () => join(clone, 'package-lock.json', 'x', 'y'), /package-lock\.json is not a folder/],
  ['a file', () => join(clone, 'package-lock.json'), /package-lock\.json is not a folder/],
  ['below /proc', () => '/proc/chunkscribe', /cannot write to \/proc/],
  ['deep below /proc', () => '/proc/chunkscribe/home', /cannot write to \/proc/],
  ['/proc itself', () => '/proc', /cannot write to \/proc/],
  ['a link to nowhere', () => link('nowhere'), /is not a folder/],
  ['a link to itself', () => link('itself'), /ELOOP|is not a folder/],
  ['a name without end', () => `/tmp/${'x'.repeat(300)}`, /ENAMETOOLONG/],
  ["another user's", () => private_('0700'), /cannot write to .* \(EACCES\)/],
  ['below what only another user may write', () => join(private_('0755'), 'x', 'y'), /cannot write to .* \(EACCES\)/],
  ['below what only another user may enter', () => join(private_('0700'), 'x'), /cannot write to .* \(EACCES\)/],
])('CHUNKSCRIBE_HOME %s is rejected in one line, before any step [start.at-once]', async (_what, home, reason) => {
  const CHUNKSCRIBE_HOME = home();
  chmodSync(clone, 0o777);
  for (const script of ['host/start.ts', 'host/reset.ts']) {
    const { code, out, err } = await launch([script], { env: { CHUNKSCRIBE_HOME }, asOther: true });
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 1, out: '', lines: 1 });
    expect(err.startsWith(`CHUNKSCRIBE_HOME is ${CHUNKSCRIBE_HOME}, but `), err).toBe(true);
    expect(err).toMatch(reason);
    expect(err).toMatch(/\. Choose another folder\.\n$/);
  }
  expect(called()).toEqual([]);
});
function link(to: string): string {
  const path = join(mkdtempSync(join(place, 'link-')), 'itself');
  chmodSync(dirname(path), 0o755);
  symlinkSync(to, path);
  return path;
}
/** A folder that the other user must not write to. Without root it is read-only for the user who runs the tests. */
function private_(mode: string): string {
  const folder = mkdtempSync(join(place, 'private-'));
  chmodSync(folder, OTHER_USER.uid === undefined ? 0o555 : Number.parseInt(mode, 8));
  return folder;
}

test('CHUNKSCRIBE_HOME may be a relative path; an empty value counts as not set', async () => {
  const cwd = mkdtempSync(join(place, 'here-'));
  const start = async (CHUNKSCRIBE_HOME: string) =>
    JSON.parse((await launch(['host/start.ts'], { env: { CHUNKSCRIBE_HOME }, cwd })).out)[1];
  expect(await start('deep/home')).toBe(join(cwd, 'deep/home'));
  expect(readdirSync(join(cwd, 'deep/home'))).toEqual([]);
  expect(await start('')).toBe(null);
});

test('a Python that is too old or has no venv module is reported before npm runs [start.at-once]', async () => {
  const { code, err } = await launch(['host/start.ts'], { env: { PYTHON_VERSION: '3 10' } });
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^Python 3\.11 or newer is missing\. Install it: .*\n$/) });
  expect(await launch(['host/start.ts'], { env: { WITHOUT_VENV: '1' } })).toEqual({
    code: 1,
    out: '',
    err: 'Python has no venv module. Install it: sudo apt-get install -y python3-venv\n',
  });
  expect(installs()).toEqual([]);
  // The command line does not need Python.
  expect(await launch(['cli/main.ts'], { env: { PYTHON_VERSION: '3 10' } })).toMatchObject({ code: 0 });
});

test('a Node that is too old is reported before anything runs [start.at-once]', async () => {
  const old = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})";
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(old)}`;
  expect(await launch(['host/start.ts'], { env: { NODE_OPTIONS } })).toEqual({
    code: 1,
    out: '',
    err: 'Node 18.20.8 is too old. Install Node 20 or newer: https://nodejs.org/en/download\n',
  });
  expect(called()).toEqual([]);
});

test('a failed step shows its output and its command', async () => {
  program('npm', "console.error('no such package'); process.exitCode = 3;");
  const { code, err } = await launch(['cli/main.ts']);
  expect(code).toBe(1);
  expect(err).toMatch(/npm packages: failed\nno such package\n\nThe command was: .*npm ci .*\n$/);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s during the installation ends it with %i, without stack traces; the next start works [start.at-once, start.interrupted]',
  async (signal, status) => {
    const trace = "console.error('Traceback (most recent call last)'); process.exit(1)";
    program(
      'npm',
      `for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { ${trace} }); setInterval(() => {}, 1000);`,
    );
    const { child, end } = begin(['cli/main.ts']);
    await poll('npm', 20, async () => called().some((call) => call.startsWith('npm ci')));
    child.kill(signal);
    const { code, err } = await end;
    expect({ code, err }).toEqual({ code: status, err: '  npm packages …\n  npm packages: interrupted\n' });
    expect(existsSync(join(clone, '.local', 'install.lock'))).toBe(false);
    program('npm', NPM);
    expect(await launch(['cli/main.ts'])).toMatchObject({ code: 0 });
  },
);

test('the launcher exits with the status of the script, also after a signal', async () => {
  expect((await launch(['cli/main.ts', 'end', '64'])).code).toBe(64);
  expect((await launch(['cli/main.ts', 'signal', 'SIGINT'])).code).toBe(130);
  expect((await launch(['cli/main.ts', 'signal', 'SIGKILL'])).code).toBe(137);
});
