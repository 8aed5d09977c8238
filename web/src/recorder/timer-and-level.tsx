import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import { noSignalSince } from './no-signal.ts';
import { elapsedSeconds, isActive, level, type Phase, phase } from './recording.ts';

const STATES: Readonly<Record<Phase, string>> = {
  idle: 'Ready.',
  starting: 'Waiting for permission to use the microphone …',
  recording: 'Recording. Audio is uploaded and transcribed every 30 seconds.',
  paused: 'Paused.',
  lost: 'Interrupted.',
  stopping: 'Saving the last seconds …',
};

/** A level below the first value is silence; after this many milliseconds of silence a warning is shown. */
const [QUIET, QUIET_MS] = [0.004, 8000];
const LOUD = 0.97;

/** Timer, level meter and state. Timer and meter are updated without rendering, because they change with every frame. */
export function TimerAndLevel() {
  const timer = useRef<HTMLDivElement>(null);
  const fill = useRef<HTMLDivElement>(null);
  const [isQuiet, setQuiet] = useState(false);
  useEffect(() => {
    let frame = 0;
    let lastSoundMs = performance.now();
    const draw = (): void => {
      const now = level() ?? 0;
      if (now > QUIET || phase.value !== 'recording') lastSoundMs = performance.now();
      setQuiet(performance.now() - lastSoundMs > QUIET_MS);
      if (timer.current !== null) timer.current.textContent = clock(elapsedSeconds());
      if (fill.current !== null) {
        fill.current.style.transform = `scaleX(${Math.min(1, Math.sqrt(now))})`;
        fill.current.classList.toggle('loud', now > LOUD);
      }
      if (isActive.value) frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [phase.value]);
  return (
    <>
      <div class="timer" role="timer" aria-label="Recorded time" ref={timer}>
        {clock(elapsedSeconds())}
      </div>
      <div class="meter" aria-hidden="true">
        <div class="meter-fill" ref={fill} />
      </div>
      <p class="small soft" role="status">
        {STATES[phase.value]}
        {isQuiet && noSignalSince.value === undefined && phase.value === 'recording' && ' No sound: is the microphone muted?'}
      </p>
    </>
  );
}
