interface LegendProps {
  /** Names of the spoken languages. */
  readonly languages: readonly string[];
  readonly hasUnsure: boolean;
  /** What the user can change; undefined: nothing. */
  readonly changes: 'text' | 'speakers' | undefined;
}

/** The spoken languages, the meaning of marked words, and the keys. */
export const Legend = ({ languages, hasUnsure, changes }: LegendProps) => (
  <p class="legend-list">
    <span data-testid="languages">
      {languages.length > 1 ? 'Languages' : 'Language'}: {languages.join(', ')}
    </span>
    {hasUnsure && (
      <span>
        <span class="w unsure">dotted</span>: low confidence
      </span>
    )}
    {changes === 'text' && (
      <span>
        Double-click a word or press E to edit it. <span class="w edited">Underlined</span> words are edited.
      </span>
    )}
    {changes === 'speakers' && (
      <span>Double-click a word or press E to change its speaker. Select words to change theirs together.</span>
    )}
    <span>Space plays and pauses, J and L skip ten seconds back and forward, / searches.</span>
  </p>
);
