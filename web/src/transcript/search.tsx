import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Icon } from '../ui/icon.tsx';
import { findWords, type ShownWord } from './words.ts';

/** The state of a search, and the actions on it. */
export interface WordSearch {
  readonly query: string;
  /** Number of hits. */
  readonly found: number;
  /** Index of the hit that is shown. */
  readonly shown: number;
  /** Indices of the words of all hits. */
  readonly hits: ReadonlySet<number>;
  /** Index of the first word of the shown hit. */
  readonly shownHit: number | undefined;
  change(query: string): void;
  /** Shows the hit this many hits further on; after the last one it continues with the first one. */
  step(by: number): void;
}

/** Searches in the words of a transcript. */
export function useWordSearch(words: readonly ShownWord[]): WordSearch {
  const [query, setQuery] = useState('');
  const [shown, setShown] = useState(0);
  const found = useMemo(() => findWords(words, query), [words, query]);
  const hits = useMemo(() => new Set(found.flatMap(({ at, count }) => Array.from({ length: count }, (_, i) => at + i))), [found]);
  return {
    query,
    found: found.length,
    shown,
    hits,
    shownHit: found[shown]?.at,
    change(next) {
      setQuery(next);
      setShown(0);
    },
    step: (by) => setShown(found.length === 0 ? 0 : (shown + by + found.length) % found.length),
  };
}

/** The search field, the number of hits and the buttons between them. */
export function Search({ search: { query, found, shown, change, step } }: { readonly search: WordSearch }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return (
    <search class="search">
      <input
        ref={input}
        class="input"
        type="search"
        placeholder="Search in the text"
        aria-label="Search in the text"
        value={query}
        onInput={({ currentTarget }) => change(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
          if (event.key === 'Escape') change('');
        }}
      />
      <span class="small numbers" role="status">
        {query.trim() === '' ? '' : found === 0 ? 'none' : `${shown + 1} / ${found}`}
      </span>
      <button type="button" class="button icon" aria-label="Previous hit" disabled={found === 0} onClick={() => step(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="button icon" aria-label="Next hit" disabled={found === 0} onClick={() => step(1)}>
        <Icon name="down" />
      </button>
    </search>
  );
}
