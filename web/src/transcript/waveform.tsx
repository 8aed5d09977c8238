import { useEffect, useRef } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import { drawWaveform, type TimeSpan } from './draw-waveform.ts';
import type { Player } from './player.ts';

interface WaveformProps {
  readonly player: Player;
  /** 0 to 255 each, evenly spaced over the recording. */
  readonly peaks: readonly number[];
  readonly durationSeconds: number;
  /** Spans without text. */
  readonly gaps: readonly TimeSpan[];
}

const STEP_SECONDS = 5;
const PAGE_SECONDS = 30;

/** The new position in seconds after a key; undefined for other keys. */
function positionAfter(key: string, at: number, end: number): number | undefined {
  if (key === 'ArrowRight' || key === 'ArrowUp') return at + STEP_SECONDS;
  if (key === 'ArrowLeft' || key === 'ArrowDown') return at - STEP_SECONDS;
  if (key === 'PageUp') return at + PAGE_SECONDS;
  if (key === 'PageDown') return at - PAGE_SECONDS;
  if (key === 'Home') return 0;
  return key === 'End' ? end : undefined;
}

/** The waveform of the recording, as a slider for the playback position. */
export function Waveform({ player, peaks, durationSeconds, gaps }: WaveformProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 1);
    const draw = (): void => {
      drawWaveform(context, { peaks, loudest, durationSeconds, gaps }, player.time.value);
      element.setAttribute('aria-valuenow', String(Math.round(player.time.value)));
      element.setAttribute('aria-valuetext', `${clock(player.time.value)} of ${clock(durationSeconds)}`);
    };
    const stop = player.time.subscribe(draw);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      stop();
      observer.disconnect();
      scheme.removeEventListener('change', draw);
    };
  }, [player, peaks, durationSeconds, gaps]);

  const seekTo = (event: PointerEvent): void => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return;
    void player.seek(((event.clientX - box.left) / box.width) * durationSeconds);
  };
  return (
    <canvas
      ref={canvas}
      class="wave"
      role="slider"
      tabIndex={0}
      aria-label="Position in the recording"
      aria-valuemin={0}
      aria-valuemax={Math.round(durationSeconds)}
      aria-valuenow={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons > 0) seekTo(event);
      }}
      onKeyDown={(event) => {
        const to = positionAfter(event.key, player.time.value, durationSeconds);
        if (to === undefined) return;
        event.preventDefault();
        void player.seek(Math.min(durationSeconds, to));
      }}
    />
  );
}
