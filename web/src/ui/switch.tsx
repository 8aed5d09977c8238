import type { ComponentChildren } from 'preact';

interface SwitchProps {
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly hidden?: boolean;
  readonly children: ComponentChildren;
  change(checked: boolean): void;
}

/** A labelled checkbox. */
export const Switch = ({ checked, disabled = false, hidden = false, children, change }: SwitchProps) => (
  <label class="switch" hidden={hidden}>
    <input
      type="checkbox"
      checked={checked}
      disabled={disabled}
      onChange={({ currentTarget }) => change(currentTarget.checked)}
    />
    <span>{children}</span>
  </label>
);
