/** The correction rules as an editable list. */
import * as z from 'zod';
import type { CorrectionRule } from '../../../core/contracts/corrections.ts';
import { Icon } from '../ui/icon.tsx';

const KINDS: Readonly<Record<CorrectionRule['kind'], string>> = {
  word: 'Whole word',
  phrase: 'Phrase',
  literal: 'Anywhere',
  regex: 'Pattern (RE2)',
};
const NEW: CorrectionRule = { kind: 'word', match: '', replace: '', caseSensitive: false };

interface RuleProps {
  readonly rule: CorrectionRule;
  readonly number: number;
  change(part: Partial<CorrectionRule>): void;
  move(by: number): void;
  remove(): void;
}
function Rule({ rule, number, change, move, remove }: RuleProps) {
  const label = (what: string): string => `${what} of rule ${number}`;
  return (
    <li class="rule" data-testid="rule">
      <select
        class="input"
        aria-label={label('Kind')}
        value={rule.kind}
        onChange={({ currentTarget: { value } }) => {
          const kind = z.enum(['literal', 'word', 'phrase', 'regex']).safeParse(value);
          if (kind.success) change({ kind: kind.data });
        }}
      >
        {Object.entries(KINDS).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </select>
      <input
        class="input"
        aria-label={label('Recognized text')}
        placeholder="recognized text"
        required
        maxLength={500}
        value={rule.match}
        onInput={({ currentTarget }) => change({ match: currentTarget.value })}
      />
      <input
        class="input"
        aria-label={label('Replacement')}
        placeholder="replacement"
        maxLength={500}
        value={rule.replace}
        onInput={({ currentTarget }) => change({ replace: currentTarget.value })}
      />
      <label class="switch small">
        <input
          type="checkbox"
          checked={rule.caseSensitive}
          onChange={({ currentTarget }) => change({ caseSensitive: currentTarget.checked })}
        />
        <span>
          Match case<span class="visually-hidden"> in rule {number}</span>
        </span>
      </label>
      <div class="row">
        <button
          type="button"
          class="button quiet icon"
          aria-label={`Move rule ${number} up`}
          disabled={number === 1}
          onClick={() => move(-1)}
        >
          <Icon name="up" />
        </button>
        <button type="button" class="button quiet icon" aria-label={`Remove rule ${number}`} onClick={remove}>
          <Icon name="trash" />
        </button>
      </div>
    </li>
  );
}

interface RulesProps {
  readonly rules: readonly CorrectionRule[];
  change(rules: readonly CorrectionRule[]): void;
}
/** All rules in the order in which they apply, and the button that adds one. */
export const Rules = ({ rules, change }: RulesProps) => (
  <section class="card" aria-labelledby="rules-title">
    <h2 id="rules-title">Corrections</h2>
    <p class="small soft">
      Replaces words that the model gets wrong. The rules apply to all your text, in this order; each rule works on the result of
      the previous one.
    </p>
    <ol>
      {rules.map((rule, i) => (
        <Rule
          key={i}
          rule={rule}
          number={i + 1}
          change={(part) => change(rules.with(i, { ...rule, ...part }))}
          move={(by) => change(rules.toSpliced(i, 1).toSpliced(i + by, 0, rule))}
          remove={() => change(rules.toSpliced(i, 1))}
        />
      ))}
    </ol>
    <div>
      <button type="button" class="button" onClick={() => change([...rules, NEW])}>
        <Icon name="plus" />
        Add a correction
      </button>
    </div>
  </section>
);
