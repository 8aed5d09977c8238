/** A WAV of about 60 MB that is transcribed in seconds: the sample with four channels at six times its sample rate. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { WORKER_PYTHON } from '../../host/paths.ts';
import { host } from '../host/support.ts';

const SCRIPT = `
import sys, wave
import numpy as np
sys.path.insert(0, "test/host")
from make_audio import sample, RATE
speech = sample()[: 80 * RATE]
speech[:16] = np.random.default_rng().integers(-100, 100, 16)
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(4); file.setsampwidth(2); file.setframerate(6 * RATE)
    file.writeframes(np.repeat(np.repeat(speech, 6), 4).tobytes())
`;

export function loudFile(): string {
  const file = join(mkdtempSync(join(host.temporary, 'loud-')), 'talk.wav');
  const { status, stderr } = spawnSync(WORKER_PYTHON, ['-c', SCRIPT, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return file;
}
