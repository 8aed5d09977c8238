/** The browser that the pages are tried in: the one that CHROMIUM names, the system's, or Debian's package. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const INSTALL = 'apt-get install -y chromium';

function onSystem(): string | undefined {
  for (const name of NAMES) {
    const { stdout, status } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return ELSEWHERE.find(existsSync);
}

/** Where Chromium is; installs Debian's package where that takes nobody's permission. @throws Error with the one command to install it */
export function findChromium(): string {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) {
    if (!existsSync(named)) throw new Error(`CHROMIUM names ${named}, which is not there`);
    return named;
  }
  const found = onSystem();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const quietly = { stdio: 'pipe', encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
    try {
      execFileSync('apt-get', ['update', '-qq'], quietly);
      execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], quietly);
    } catch (error) {
      throw new Error(`Chromium cannot be installed: ${error instanceof Error ? error.message : error}`);
    }
    const installed = onSystem();
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `The pages are tested in Chromium, which is missing. Install it: sudo ${INSTALL} (Debian, Ubuntu), or name one in CHROMIUM`,
  );
}
