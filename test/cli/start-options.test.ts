/** Options of `npm start`, and their comparison with a running host. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { folders, isInProject, PROJECT } from '../../host/paths.ts';
import { differenceFrom, type Given, givenOptions, idleSecondsOf, portOf } from '../../host/start-options.ts';

const options = (...args: string[]): Given => {
  vi.spyOn(process, 'argv', 'get').mockReturnValue(['node', 'start.ts', ...args]);
  return givenOptions();
};
afterEach(() => vi.restoreAllMocks());

test("a home next to the project whose name begins like the project's is not inside of it", () => {
  expect(isInProject(join(PROJECT, '.local', 'host'))).toBe(true);
  expect(isInProject(`${PROJECT}-home`)).toBe(false);
});

test("options have defaults; an invalid value is refused with the option's name and accepted values [start.options]", () => {
  const none = options();
  expect([portOf(none), idleSecondsOf(none)]).toEqual([8080, 30]);
  expect(options('--port', '9000', '--idle-seconds', '5', '--model', 'small')).toEqual({
    port: 9000,
    idleSeconds: 5,
    model: 'small',
  });
  expect(options('--known-voices')).toEqual({ knownVoices: true });
  for (const name of ['port', 'idle-seconds'])
    for (const value of ['x', '0', '1.5', '65536', '0x10', ''])
      expect(() => options(`--${name}`, value)).toThrow(
        `--${name} takes a whole number from 1 to 65535, not ${value || 'an empty value'}`,
      );
  expect(() => options('--model', '')).toThrow('--model takes a published name or a folder');
  expect(() => options('--modle', 'small')).toThrow("Unknown option '--modle'");
  expect(() => options('small')).toThrow("Unexpected argument 'small'");
});

test('a running or starting host matches only if all options of the command line are the same [start.options]', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'run-'));
  symlinkSync(folder, join(folder, 'link'));
  const has = (note: object): void => writeFileSync(join(folder, 'host.json'), JSON.stringify(note));
  const model = { folder, name: 'tiny.en', languages: 'en' } as const;
  has({ pid: 1, given: { port: 9000 } });
  for (const known of [model, undefined]) {
    for (const asked of [{}, { port: 9000 }, { model: 'tiny.en' }, { idleSeconds: 30 }])
      expect(await differenceFrom(folder, known, asked), JSON.stringify(asked)).toBeUndefined();
    expect(await differenceFrom(folder, known, { model: 'small' })).toBe(
      'Its model is tiny.en; stop it with Ctrl+C, then start it with --model small.',
    );
    expect(await differenceFrom(folder, known, { port: 8080 })).toBe(
      'Its port is 9000; stop it with Ctrl+C, then start it with --port 8080.',
    );
    expect(await differenceFrom(folder, known, { idleSeconds: 60 })).toBe(
      'Its idle time is 30 s; stop it with Ctrl+C, then start it with --idle-seconds 60.',
    );
    expect(await differenceFrom(folder, known, { knownVoices: true })).toBe(
      'It has no known voices; stop it with Ctrl+C, then start it with --known-voices.',
    );
  }
  has({ pid: 1, given: { knownVoices: true } });
  expect(await differenceFrom(folder, model, { knownVoices: true })).toBeUndefined();
  has({ pid: 1, given: { model: folder } });
  expect(await differenceFrom(folder, undefined, { model: join(folder, 'link') })).toBeUndefined();
  has({ pid: 1 }); // of an earlier version
  expect(await differenceFrom(folder, model, { model: 'tiny.en' })).toBeUndefined();
});

const run = (script: string, home: string, ...args: string[]) => {
  const env = { ...process.env, CHUNKSCRIBE_HOME: home, INIT_CWD: home };
  const command = ['--disable-warning=ExperimentalWarning', join('host', script), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: PROJECT, encoding: 'utf8', env });
  return { status, stdout, stderr };
};

test("npm run reset removes the host's files and keeps others in the folder [start.reset]", () => {
  const [home, other] = [mkdtempSync(join(tmpdir(), 'reset-')), mkdtempSync(join(tmpdir(), 'reset-'))];
  writeFileSync(join(home, 'my thesis.txt'), 'mine');
  for (const root of [home, other])
    for (const folder of [folders(root).state, folders(root).logs, `${folders(root).logs}.previous`]) mkdirSync(folder);
  for (const root of [home, other]) expect(run('reset.ts', root)).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(home)).toEqual(['my thesis.txt']);
  expect(readFileSync(join(home, 'my thesis.txt'), 'utf8')).toBe('mine');
  expect(existsSync(other)).toBe(false);
});

test('npm run demo reports a missing file before it looks for a host', () => {
  const home = mkdtempSync(join(tmpdir(), 'demo-'));
  expect(run('demo.ts', home, 'talk.wav')).toEqual({
    status: 1,
    stdout: '',
    stderr: `There is no file ${join(home, 'talk.wav')}. Usage: npm run demo [-- FILE]\n`,
  });
  expect(run('demo.ts', home)).toMatchObject({ status: 1, stderr: 'No running host. Start it in another terminal: npm start\n' });
});
