/** Finds Chromium for the browser tests: the path in CHROMIUM, the system's browser, or Debian's package. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const APPLICATION_PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const INSTALL = 'apt-get install -y chromium';

function onSystem(): string | undefined {
  for (const name of NAMES) {
    const { stdout, status } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return APPLICATION_PATHS.find(existsSync);
}

/** Installs Debian packages. Returns false for a user or system that cannot. @throws Error if it fails */
export function installPackages(...packages: string[]): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  const quietly = { stdio: 'pipe', encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  try {
    execFileSync('apt-get', ['update', '-qq'], quietly);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quietly);
  } catch (error) {
    throw new Error(`${packages.join(' ')} cannot be installed: ${error instanceof Error ? error.message : error}`);
  }
  return true;
}

/** Returns the path of Chromium. Root on Debian or Ubuntu gets the package installed. @throws Error with the install command */
export function findChromium(): string {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) {
    if (!existsSync(named)) throw new Error(`CHROMIUM is ${named}, which does not exist`);
    return named;
  }
  const found = onSystem() ?? (installPackages('chromium') ? onSystem() : undefined);
  if (found !== undefined) return found;
  throw new Error(`The browser tests need Chromium. Install it: sudo ${INSTALL} (Debian, Ubuntu), or set CHROMIUM to its path`);
}
