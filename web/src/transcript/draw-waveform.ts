/** In seconds from the start of the recording. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}
interface Recording {
  /** 0 to 255 each, evenly spaced over the recording. */
  readonly peaks: readonly number[];
  /** The highest peak. */
  readonly loudest: number;
  readonly durationSeconds: number;
  /** Spans without text. */
  readonly gaps: readonly TimeSpan[];
}

/** In CSS pixels. `MARGIN`: above and below the loudest bar together. */
const [BAR, SPACE, MIN_HEIGHT, MARGIN] = [2, 1, 2, 8];

/** Sizes the canvas to the pixels of the screen and clears it. Drawing continues in CSS pixels. */
function clear(context: CanvasRenderingContext2D): void {
  const { canvas } = context;
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
}

/** The highest of the peaks that this bar stands for. */
function peakOf(bar: number, bars: number, peaks: readonly number[]): number {
  const from = Math.floor((bar * peaks.length) / bars);
  const to = Math.max(Math.floor(((bar + 1) * peaks.length) / bars), from + 1);
  let peak = 0;
  for (let i = from; i < to; i++) peak = Math.max(peak, peaks[i] ?? 0);
  return peak;
}

/** Draws a recording: its gaps, its peaks as bars, which are colored up to the playback position, and the position itself. */
export function drawWaveform(
  context: CanvasRenderingContext2D,
  { peaks, loudest, durationSeconds, gaps }: Recording,
  playedSeconds: number,
): void {
  clear(context);
  const { clientWidth: width, clientHeight: height } = context.canvas;
  const style = getComputedStyle(context.canvas);
  const [gap, accent, wave] = ['--warn-soft', '--accent', '--line-strong'].map((name) => style.getPropertyValue(name));
  const fill = (color: string | undefined, left: number, top: number, barWidth: number, barHeight: number): void => {
    context.fillStyle = color ?? '';
    context.fillRect(left, top, barWidth, barHeight);
  };
  const x = (seconds: number): number => (durationSeconds === 0 ? 0 : (seconds / durationSeconds) * width);
  for (const { start, end } of gaps) fill(gap, x(start), 0, Math.max(1, x(end) - x(start)), height);
  const played = x(playedSeconds);
  const bars = Math.floor(width / (BAR + SPACE));
  for (let bar = 0; bar < bars; bar++) {
    const barHeight = Math.max(MIN_HEIGHT, Math.sqrt(peakOf(bar, bars, peaks) / loudest) * (height - MARGIN));
    const left = bar * (BAR + SPACE);
    fill(left <= played ? accent : wave, left, (height - barHeight) / 2, BAR, barHeight);
  }
  fill(accent, Math.max(0, played - 1), 0, 2, height);
}
