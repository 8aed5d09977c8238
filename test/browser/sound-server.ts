/** A sound server (PulseAudio) whose microphones a test connects and disconnects; a browser on Linux uses it like a computer's. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { poll } from '../../host/poll.ts';
import { installPackages } from './chromium.ts';

const PACKAGES = ['pulseaudio', 'pulseaudio-utils'];
const PROGRAMS = ['pulseaudio', 'pactl', 'paplay'];
const isInstalled = (): boolean => PROGRAMS.every((name) => spawnSync(name, ['--version']).status === 0);

/** Root on Debian or Ubuntu gets the packages installed. Returns whether they are installed. */
export const hasSoundServer = (): boolean => isInstalled() || installPackages(...PACKAGES);

/** Starts a server without any device; it ends with the test. @throws Error with the install command */
export async function soundServer({ onTestFinished }: TestContext) {
  if (!hasSoundServer())
    throw new Error(`Tests of microphones need PulseAudio. Install it: sudo apt-get install -y ${PACKAGES.join(' ')}`);
  const home = mkdtempSync(join(tmpdir(), 'sound-')); // short: the path of a socket has at most 107 characters
  const socket = join(home, 'socket');
  /** Variables for programs that use this server. */
  const variables = { HOME: home, XDG_RUNTIME_DIR: home, PULSE_SERVER: `unix:${socket}` };
  const env = { ...process.env, ...variables };
  const modules = [`module-native-protocol-unix auth-anonymous=1 socket=${socket}`, 'module-null-sink sink_name=room'];
  const options = ['-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm=yes', '--use-pid-file=no'];
  const server = spawn('pulseaudio', [...options, ...modules.flatMap((one) => ['-L', one])], { env, stdio: 'ignore' });
  onTestFinished(() => {
    server.kill();
    rmSync(home, { recursive: true, force: true });
  });
  await poll('the sound server', 30, async () => spawnSync('pactl', ['info'], { env }).status === 0);
  const pactl = (...words: string[]): string => execFileSync('pactl', words, { env, encoding: 'utf8' }).trim();
  return {
    variables,
    /** Plays a file in the room that all microphones record. */
    play: (file: string): void => void spawn('paplay', ['--device=room', file], { env, stdio: 'ignore' }),
    /** Connects a microphone. Returns a function that disconnects it. */
    connect(name: string): () => void {
      const description = `source_properties=device.description=${name}`;
      const id = pactl('load-module', 'module-remap-source', 'master=room.monitor', `source_name=${name}`, description);
      return () => void pactl('unload-module', id);
    },
  };
}
