import { useEffect, useRef } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import type { Player } from './player.ts';

interface TimeSpan {
  readonly start: number;
  readonly end: number;
}
interface WaveformProps {
  readonly player: Player;
  /** 0 to 255 each, evenly spaced over the recording. */
  readonly peaks: readonly number[];
  readonly durationSeconds: number;
  /** Spans without text. */
  readonly gaps: readonly TimeSpan[];
}

const [BAR, SPACE] = [2, 1];
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
      const { clientWidth: width, clientHeight: height } = element;
      const scale = devicePixelRatio;
      if (element.width !== Math.round(width * scale)) element.width = Math.round(width * scale);
      if (element.height !== Math.round(height * scale)) element.height = Math.round(height * scale);
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, width, height);
      const style = getComputedStyle(element);
      const color = (name: string): string => style.getPropertyValue(name);
      const x = (seconds: number): number => (durationSeconds === 0 ? 0 : (seconds / durationSeconds) * width);
      context.fillStyle = color('--warn-soft');
      for (const { start, end } of gaps) context.fillRect(x(start), 0, Math.max(1, x(end) - x(start)), height);
      const played = x(player.time.value);
      const [accent, wave] = [color('--accent'), color('--line-strong')];
      const bars = Math.floor(width / (BAR + SPACE));
      for (let bar = 0; bar < bars; bar++) {
        const [from, to] = [
          Math.floor((bar * peaks.length) / bars),
          Math.max(Math.floor(((bar + 1) * peaks.length) / bars), Math.floor((bar * peaks.length) / bars) + 1),
        ];
        let peak = 0;
        for (let i = from; i < to; i++) peak = Math.max(peak, peaks[i] ?? 0);
        const barHeight = Math.max(2, Math.sqrt(peak / loudest) * (height - 8));
        const left = bar * (BAR + SPACE);
        context.fillStyle = left <= played ? accent : wave;
        context.fillRect(left, (height - barHeight) / 2, BAR, barHeight);
      }
      context.fillStyle = accent;
      context.fillRect(Math.max(0, played - 1), 0, 2, height);
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
