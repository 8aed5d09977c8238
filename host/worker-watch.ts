/** Detects a frozen worker, as systemd's watchdog does on EC2. The worker touches the file `alive` every few seconds. */
import { statSync } from 'node:fs';
import { join } from 'node:path';

/** Time without a heartbeat; less than the lease, like WatchdogSec of gpu-worker/bootstrap/chunkscribe-worker.service. */
export const FROZEN_SECONDS = 45;

/** Modification time of the heartbeat file in ms; undefined before the first heartbeat. */
export function lastHeartbeat(runtimeFolder: string): number | undefined {
  return statSync(join(runtimeFolder, 'alive'), { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * Watches the heartbeat of one process. Each call of the returned function reads it and returns whether the process is frozen. Time
 * is measured with a monotonic clock that stops while the machine sleeps, as the worker does.
 */
export function workerWatch(
  readHeartbeat: () => number | undefined,
  nowMs: () => number = () => performance.now(),
): () => boolean {
  let newest = readHeartbeat();
  let seenMs: number | undefined;
  return () => {
    const heartbeat = readHeartbeat();
    if (heartbeat !== newest) {
      newest = heartbeat;
      seenMs = nowMs();
    }
    return seenMs !== undefined && nowMs() - seenMs > 1000 * FROZEN_SECONDS;
  };
}
