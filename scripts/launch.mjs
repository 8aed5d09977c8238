/**
 * `node scripts/launch.mjs <file.ts> [arguments]`: runs a script of this project on a machine where nothing is installed yet.
 *
 * Plain Node without dependencies. It checks Node and CHUNKSCRIBE_HOME; installs the npm packages and Python environments that
 * the script needs, if they are missing or their lockfiles have changed (.local/stamps); and runs the script under the Node
 * version of the project (node_modules/node). All requirements are checked before anything is installed, and a lock file allows
 * one installation at a time. A signal ends the current step or is passed on to the script; the exit status is then 128 + signal.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const local = join(root, '.local');
const MIN_NODE = 20;
const MIN_PYTHON = [3, 11];
/**
 * Scripts that need the Python environments of emulator and worker, those that also need the Python tools, and the one that also
 * needs the packages with which results are compared.
 */
const RUNS_PRODUCT = /^(host|test|bench)\//;
const RUNS_TOOLS = /^(test|bench)\//;
const RUNS_PEERS = 'bench/run.ts';
const IS_CLIENT = /^(cli|mcp)\//;
/** Scripts that write into CHUNKSCRIBE_HOME. */
const USES_HOME = ['host/start.ts', 'host/reset.ts'];
const OWN_CLONE = 'Clone the project into a folder of your own.';
/** Intervals at which the elapsed time of a step is shown. */
const [TERMINAL_MS, LOG_MS] = [1000, 10_000];
const WORKER_PACKAGES = ['cloud', 'serve'].map((extra) => `gpu-worker/requirements-${extra}.txt`);

const fail = (line) => {
  process.stderr.write(`${line}\n`);
  process.exit(1);
};

/** The process of the current step, which Ctrl+C ends. */
let running;
/** Exit status for a program that was ended by a signal. */
const statusOf = (signal) => 128 + constants.signals[signal];

/** Shows the elapsed time of a step: in place in a terminal, otherwise as a line every 10 s. Returns a function that ends it. */
function showTime(title) {
  const startedMs = Date.now();
  const { isTTY } = process.stderr;
  const line = () => `  ${title} … ${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
  process.stderr.write(isTTY ? `  ${title} …` : `  ${title} …\n`);
  const show = () => process.stderr.write(isTTY ? `\r\u001b[K${line()}` : `${line()}\n`);
  const timer = setInterval(show, isTTY ? TERMINAL_MS : LOG_MS);
  return (end) => {
    clearInterval(timer);
    process.stderr.write(`${isTTY ? '\r\u001b[K' : ''}  ${title}: ${end || line().split(' … ')[1]}\n`);
  };
}

/** Runs a step. Shows its output only if it fails, and then exits. */
async function step(title, command, args) {
  const ended = showTime(title);
  running = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [running.stdout, running.stderr]) stream.on('data', (data) => (output += data));
  const status = await new Promise((resolve) =>
    running.once('close', resolve).once('error', (error) => {
      output += error.message;
      resolve(1);
    }),
  );
  running = undefined;
  if (interruptedBy !== undefined) {
    ended('interrupted');
    process.exit(statusOf(interruptedBy));
  }
  ended(status === 0 ? '' : 'failed');
  if (status !== 0) fail(`${output}\nThe command was: ${command} ${args.join(' ')}`);
}

const hashOf = (files) =>
  createHash('sha256')
    .update(files.map((file) => readFileSync(join(root, file))).join('\0'))
    .digest('hex');
const stampOf = ({ name }) => join(local, 'stamps', name);

/** Whether a preparation was completed for the current lockfiles. */
function isCurrent(preparation) {
  const stamp = stampOf(preparation);
  return existsSync(preparation.present) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOf(preparation.files);
}

async function make(preparation) {
  const stamp = stampOf(preparation);
  rmSync(stamp, { force: true }); // an interrupted installation starts again
  await preparation.install();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hashOf(preparation.files));
}

const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Creates a folder one level at a time, because Node's recursive mkdir never returns below /proc. */
function makeFolder(folder) {
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!isFolder(folder)) throw error;
  }
}

/** Creates the folder if necessary. Returns the reason why it is not writable, or undefined. */
function whyNotWritable(folder) {
  try {
    makeFolder(folder);
    rmdirSync(mkdtempSync(join(folder, '.writable-')));
    return undefined;
  } catch (error) {
    const { code, path } = error;
    if (code === 'EEXIST' || code === 'ENOTDIR') return `${code === 'EEXIST' ? path : dirname(path)} is not a folder`;
    return `this user cannot write to ${code === 'ENOENT' || path.startsWith(join(folder, '.')) ? folder : dirname(path)} (${code})`;
  }
}

/** Resolves CHUNKSCRIBE_HOME, and exits if the folder of the local host is not writable. */
function checkHome() {
  const home = process.env.CHUNKSCRIBE_HOME;
  if (home === '') delete process.env.CHUNKSCRIBE_HOME;
  if (home) process.env.CHUNKSCRIBE_HOME = resolve(home);
  if (!USES_HOME.includes(script)) return;
  const reason = whyNotWritable(home ? resolve(home) : join(local, 'host'));
  if (reason === undefined) return;
  fail(
    home
      ? `CHUNKSCRIBE_HOME is ${home}, but ${reason}. Choose another folder.`
      : `The local host cannot store its files in ${root}: ${reason}. ${OWN_CLONE}`,
  );
}

/** Exits if packages cannot be installed into the clone. */
function checkClone() {
  for (const folder of [root, local, join(root, 'node_modules')]) {
    const reason = existsSync(folder) || folder === local ? whyNotWritable(folder) : undefined;
    if (reason !== undefined) fail(`Packages cannot be installed into ${root}: ${reason}. ${OWN_CLONE}`);
  }
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < MIN_NODE)
    fail(`Node ${process.versions.node} is too old. Install Node ${MIN_NODE} or newer: https://nodejs.org/en/download`);
}

/** Returns the name of a Python that is new enough, or exits. */
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

function checkVenv(python) {
  if (spawnSync(python, ['-c', 'import venv, ensurepip']).status !== 0)
    fail('Python has no venv module. Install it: sudo apt-get install -y python3-venv');
}

const venv = (name) => join(local, 'venvs', name);

function makeVenv(python, name) {
  rmSync(venv(name), { recursive: true, force: true });
  return step(`Python environment: ${name}`, python, ['-m', 'venv', venv(name)]);
}

const uv = join(venv('tools'), 'bin', 'uv');

/** Installs packages from their lockfiles into an environment, with hashes verified. */
function installPython(name, files) {
  const requirements = files.flatMap((file) => ['-r', file]);
  const into = ['--python', join(venv(name), 'bin', 'python')];
  return step(`Python packages: ${name}`, uv, ['pip', 'install', '-q', '--require-hashes', ...into, ...requirements]);
}

const pythonEnvironment = (python, name, files) => ({
  name,
  files,
  present: join(venv(name), 'bin', 'python'),
  async install() {
    await makeVenv(python(), name);
    await installPython(name, files);
  },
});

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Whether the process of a lock is gone, or ended between creating the file and writing its id. */
function isStale(lock) {
  try {
    const holder = Number(readFileSync(lock, 'utf8'));
    return holder > 0 ? !isAlive(holder) : Date.now() - statSync(lock).mtimeMs > 5000;
  } catch {
    return false; // removed in the meantime; the next attempt creates it
  }
}

/** Runs an installation under the lock, because two terminals may start at once. Removes stale locks. */
async function withInstallLock(run) {
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
    else if (!waiting) process.stderr.write('  waiting for another start, which is installing packages\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  await run();
  process.off('exit', release);
  release();
}

/** The installations that a script needs, in order. `python` returns the interpreter when it is needed. */
function preparations(python) {
  const npm = join(dirname(process.execPath), process.platform === 'win32' ? 'npm.cmd' : 'npm');
  const all = [
    {
      name: 'npm',
      files: ['package-lock.json'],
      present: join(root, 'node_modules', '.bin', 'node'),
      install: () => step('npm packages', existsSync(npm) ? npm : 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']),
    },
  ];
  if (!RUNS_PRODUCT.test(script)) return all;
  all.push(
    {
      name: 'tools',
      files: ['scripts/uv.txt'],
      present: uv,
      async install() {
        await makeVenv(python(), 'tools');
        const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--require-hashes', '-r', 'scripts/uv.txt'];
        await step('Python installer', join(venv('tools'), 'bin', 'python'), pip);
      },
    },
    pythonEnvironment(python, 'emulator', ['host/emulator/requirements.txt']),
    pythonEnvironment(python, 'worker', WORKER_PACKAGES),
  );
  // The tools run the worker's code, so they are installed into its environment. They do not change its packages.
  const tools = 'gpu-worker/requirements-dev.txt';
  if (RUNS_TOOLS.test(script))
    all.push({
      name: 'worker-tools',
      files: [...WORKER_PACKAGES, tools],
      present: join(venv('worker'), 'bin', 'pytest'),
      install: () => installPython('worker', [tools]),
    });
  const peers = 'gpu-worker/requirements-bench.txt';
  if (script === RUNS_PEERS)
    all.push({
      name: 'worker-peers',
      files: [...WORKER_PACKAGES, tools, peers],
      present: join(venv('worker'), 'bin', 'pyannote-metrics'),
      install: () => installPython('worker', [peers]),
    });
  return all;
}

/** Installs everything that is missing. Missing requirements are reported before anything is installed. */
async function prepare() {
  let found;
  const python = () => found;
  const all = preparations(python);
  const missing = all.filter((preparation) => !isCurrent(preparation));
  if (missing.length === 0) return;
  checkClone();
  if (missing.some(({ name }) => name !== 'npm')) {
    found = findPython();
    checkVenv(found);
  }
  await withInstallLock(async () => {
    for (const preparation of all) if (!isCurrent(preparation)) await make(preparation);
  });
}

const [script, ...rest] = process.argv.slice(2);
if (!script) fail('usage: node scripts/launch.mjs <script.ts> [arguments]');
let interruptedBy;
let child;
// A terminal sends Ctrl+C to the child as well. The child shuts down, and this process exits with its status.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    interruptedBy = signal;
    if (child !== undefined) signal !== 'SIGINT' && child.kill(signal);
    else if (running !== undefined) running.kill('SIGTERM');
    else process.exit(statusOf(signal));
  });
checkNode();
checkHome();
await prepare();
child = spawn(
  join(root, 'node_modules', '.bin', 'node'),
  ['--disable-warning=ExperimentalWarning', join(root, script), ...rest],
  {
    // Clients run in the user's working directory; everything else runs in the project folder.
    cwd: IS_CLIENT.test(script) ? process.cwd() : root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
  },
);
child.on('exit', (code, signal) => process.exit(signal ? statusOf(signal) : (code ?? 1)));
