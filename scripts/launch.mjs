/**
 * `node scripts/launch.mjs <file.ts> [arguments]`: runs a script of this project on a machine where nothing is prepared.
 *
 * Plain Node without dependencies: checks Node and Python, installs npm packages and the Python environments that the script needs
 * when they are missing or their lockfiles have changed, and goes on under the Node that the project brings (node_modules/node).
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const local = join(root, '.local');
const MIN_NODE = 20;
const MIN_PYTHON = [3, 11];
/** What scripts run of Python: those that start the product its emulator and worker, those that prove or make something the tools, too. */
const RUNS_PRODUCT = /^(host|test|bench)\//;
const RUNS_TOOLS = /^(test|bench)\/|^host\/demo-model\.ts$/;
const WORKER_PACKAGES = ['', '-serve', '-speakers'].map((part) => `gpu-worker/requirements${part}.txt`);

const fail = (line) => {
  process.stderr.write(`${line}\n`);
  process.exit(1);
};

/** Runs a step; its output is shown only when it fails. */
function step(title, command, args) {
  const startedMs = Date.now();
  process.stderr.write(`  ${title} … `);
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) fail(`failed\n${error?.message ?? ''}${stdout}${stderr}\nThe command was: ${command} ${args.join(' ')}`);
  process.stderr.write(`${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`);
}

const hashOf = (...files) =>
  createHash('sha256')
    .update(files.map((file) => readFileSync(join(root, file))).join('\0'))
    .digest('hex');

/** Runs `install` unless it was run for the same lockfiles before. */
function whenChanged(name, files, present, install) {
  const stamp = join(local, 'stamps', name);
  const hash = hashOf(...files);
  if (existsSync(present) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  install();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < MIN_NODE)
    fail(`Node ${process.versions.node} is too old. Install Node ${MIN_NODE} or newer: https://nodejs.org/en/download`);
}

/** A Python that is new enough. */
function findPython() {
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const { stdout, status } = spawnSync(name, ['-c', 'import sys; print(*sys.version_info[:2])'], { encoding: 'utf8' });
    const [major = 0, minor = 0] = status === 0 ? stdout.trim().split(' ').map(Number) : [];
    if (major === MIN_PYTHON[0] && minor >= MIN_PYTHON[1]) return name;
  }
  return fail(
    'Python 3.11 or newer is missing. Install it: sudo apt-get install -y python3 python3-venv (Debian 12, Ubuntu 24.04), or brew install python (macOS)',
  );
}

function makeVenv(python, folder) {
  if (spawnSync(python, ['-c', 'import venv, ensurepip']).status !== 0) {
    fail('Python has no venv module. Install it: sudo apt-get install -y python3-venv');
  }
  rmSync(folder, { recursive: true, force: true });
  const { status, stderr } = spawnSync(python, ['-m', 'venv', folder], { encoding: 'utf8' });
  if (status !== 0) fail(stderr);
}

const venv = (name) => join(local, 'venvs', name);

/** Packages from their lockfiles into an environment, every one checked against its hash. */
function installPython(uv, name, files) {
  const requirements = files.flatMap((file) => ['-r', file]);
  const into = ['--python', join(venv(name), 'bin', 'python')];
  step(`Python packages: ${name}`, uv, ['pip', 'install', '-q', '--require-hashes', ...into, ...requirements]);
}

function pythonEnvironment(python, uv, name, files) {
  whenChanged(name, files, join(venv(name), 'bin', 'python'), () => {
    makeVenv(python, venv(name));
    installPython(uv, name, files);
  });
}

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Nobody's: its process is gone, or ended between making the file and writing its number. */
function isStale(lock) {
  try {
    const holder = Number(readFileSync(lock, 'utf8'));
    return holder > 0 ? !isAlive(holder) : Date.now() - statSync(lock).mtimeMs > 5000;
  } catch {
    return false; // gone meanwhile: the next round sees
  }
}

/** One installation at a time: two terminals may start at once. A lock whose process is gone is nobody's. */
function alone(run) {
  mkdirSync(local, { recursive: true });
  const lock = join(local, 'install.lock');
  for (let waiting = false; ; waiting = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale(lock)) rmSync(lock, { force: true });
    else if (!waiting) process.stderr.write('  another start installs packages; waiting for it\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  run();
  process.off('exit', release);
  release();
}

function prepare(script) {
  const npm = join(dirname(process.execPath), process.platform === 'win32' ? 'npm.cmd' : 'npm');
  whenChanged('npm', ['package-lock.json'], join(root, 'node_modules', '.bin', 'node'), () => {
    step('npm packages', existsSync(npm) ? npm : 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
  });
  if (RUNS_PRODUCT.test(script)) preparePython(RUNS_TOOLS.test(script));
}

function preparePython(withTools) {
  const python = findPython();
  const uv = join(venv('tools'), 'bin', 'uv');
  whenChanged('tools', ['scripts/uv.txt'], uv, () => {
    makeVenv(python, venv('tools'));
    const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--require-hashes', '-r', 'scripts/uv.txt'];
    step('Python installer', join(venv('tools'), 'bin', 'python'), pip);
  });
  pythonEnvironment(python, uv, 'emulator', ['host/emulator/requirements.txt']);
  pythonEnvironment(python, uv, 'worker', WORKER_PACKAGES);
  if (!withTools) return;
  // Into the worker's environment, which is run by them: they leave its packages as they are.
  const tools = 'gpu-worker/requirements-dev.txt';
  whenChanged('worker-tools', [...WORKER_PACKAGES, tools], join(venv('worker'), 'bin', 'pytest'), () =>
    installPython(uv, 'worker', [tools]),
  );
}

const [script, ...rest] = process.argv.slice(2);
if (!script) fail('usage: node scripts/launch.mjs <script.ts> [arguments]');
checkNode();
alone(() => prepare(script));
const node = join(root, 'node_modules', '.bin', 'node');
const child = spawn(node, ['--disable-warning=ExperimentalWarning', script, ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
});
// Ctrl+C reaches the child by itself; it ends in order, and this process with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
