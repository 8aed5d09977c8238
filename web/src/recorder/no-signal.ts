/** Notices a microphone that is connected and delivers no signal: exact zeros, as muted and broken ones do. */
import { signal } from '@preact/signals';
import { elapsedSeconds, level, phase } from './recording.ts';

const MEASURE_MS = 1000;
/** A quiet room never is that quiet: -90 dB of full scale. */
const SIGNAL = 3e-5;
/** Shorter stretches are not reported. */
const REPORTED_SECONDS = 10;

/** Time of the recording since which there is no signal; undefined while there is one. */
export const noSignalSince = signal<number | undefined>(undefined);

let since: number | undefined;
function measure(): void {
  const peak = level();
  if (peak === undefined) return;
  since = peak > SIGNAL ? undefined : (since ?? elapsedSeconds());
  noSignalSince.value = since !== undefined && elapsedSeconds() - since >= REPORTED_SECONDS ? since : undefined;
}

let measuring: ReturnType<typeof setInterval> | undefined;
phase.subscribe((now) => {
  clearInterval(measuring);
  since = undefined;
  noSignalSince.value = undefined;
  if (now === 'recording') measuring = setInterval(measure, MEASURE_MS);
});
