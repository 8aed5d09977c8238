import { useEffect } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Notice } from '../ui/parts.tsx';
import type { Player } from './player.ts';
import { Waveform } from './waveform.tsx';
import type { Gap } from './words.ts';

const RATES = [0.75, 1, 1.25, 1.5, 2];
const SKIP_SECONDS = 10;

/** Whether keys have a meaning of their own there. */
const isControl = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, select, button, a, dialog, [role=slider]') !== null;

/** Keyboard shortcuts outside form fields: Space or K plays and pauses, J and L skip ten seconds back and forward. */
function usePlayerKeys(player: Player): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target, key } = event;
      if (isControl(target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === ' ' || key === 'k') void player.toggle();
      else if (key === 'j') void player.seek(player.time.value - SKIP_SECONDS);
      else if (key === 'l') void player.seek(player.time.value + SKIP_SECONDS);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [player]);
}

const SpeedField = ({ player }: { readonly player: Player }) => (
  <label class="row small" for="rate">
    Speed
    <select
      id="rate"
      class="input"
      value={String(player.rate.value)}
      onChange={({ currentTarget }) => player.setRate(Number(currentTarget.value))}
    >
      {RATES.map((rate) => (
        <option key={rate} value={String(rate)}>
          {rate}×
        </option>
      ))}
    </select>
  </label>
);

interface PlayerBarProps {
  readonly player: Player;
  readonly peaks: readonly number[];
  readonly durationSeconds: number;
  readonly gaps: readonly Gap[];
}
/** The waveform, the play button, the position and the speed. */
export function PlayerBar({ player, peaks, durationSeconds, gaps }: PlayerBarProps) {
  usePlayerKeys(player);
  return (
    <div class="player">
      <div class="card">
        <Waveform player={player} peaks={peaks} durationSeconds={durationSeconds} gaps={gaps} />
        <div class="row">
          <button
            type="button"
            class="button primary icon"
            aria-label={player.isPlaying.value ? 'Pause' : 'Play'}
            onClick={() => void player.toggle()}
          >
            {player.isLoading.value ? <span class="spinner" /> : <Icon name={player.isPlaying.value ? 'pause' : 'play'} />}
          </button>
          <span class="numbers small grow" data-testid="time">
            {clock(player.time.value)} / {clock(durationSeconds)}
          </span>
          <SpeedField player={player} />
        </div>
        {player.error.value && (
          <Notice tone="bad">
            <p>{player.error.value}</p>
          </Notice>
        )}
      </div>
    </div>
  );
}
