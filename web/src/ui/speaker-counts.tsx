import { useId } from 'preact/hooks';
import { MAX_SPEAKERS } from '../../../core/contracts/speakers.ts';

/** What the user knows of the number of speakers; undefined: any number. */
export interface SpeakerCounts {
  readonly minSpeakers?: number | undefined;
  readonly maxSpeakers?: number | undefined;
}

interface CountFieldProps {
  readonly label: string;
  readonly count: number | undefined;
  readonly disabled: boolean;
  change(count: number | undefined): void;
}

function CountField({ label, count, disabled, change }: CountFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        value={count ?? ''}
        disabled={disabled}
        onChange={({ currentTarget }) => change(Number(currentTarget.value) || undefined)}
      >
        <option value="">any number</option>
        {Array.from({ length: MAX_SPEAKERS }, (_, i) => (
          <option key={i} value={i + 1}>
            {i + 1}
          </option>
        ))}
      </select>
    </div>
  );
}

interface SpeakerCountFieldsProps {
  readonly counts: SpeakerCounts;
  readonly disabled?: boolean;
  change(counts: SpeakerCounts): void;
}

/** The smallest and the largest number of speakers. A choice that contradicts the other one moves it along. */
export function SpeakerCountFields({ counts: { minSpeakers, maxSpeakers }, disabled = false, change }: SpeakerCountFieldsProps) {
  const isAbove = (least: number | undefined, most: number | undefined): boolean =>
    least !== undefined && most !== undefined && least > most;
  return (
    <>
      <CountField
        label="Minimum number of speakers"
        count={minSpeakers}
        disabled={disabled}
        change={(least) => change({ minSpeakers: least, maxSpeakers: isAbove(least, maxSpeakers) ? least : maxSpeakers })}
      />
      <CountField
        label="Maximum number of speakers"
        count={maxSpeakers}
        disabled={disabled}
        change={(most) => change({ minSpeakers: isAbove(minSpeakers, most) ? most : minSpeakers, maxSpeakers: most })}
      />
    </>
  );
}
