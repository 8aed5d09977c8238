import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ShownWord } from '../../../core/transcripts/timed-words.ts';
import { Icon } from '../ui/icon.tsx';
import { type Found, searchIn } from './words.ts';

/** The state of a search, and the actions on it. */
export interface WordSearch {
  readonly query: string;
  readonly found: Found;
  /** Index of the hit that is shown. */
  readonly shown: number;
  /** Index of the first word of the shown hit. */
  readonly shownHit: number | undefined;
  change(query: string): void;
  /** Shows the hit this many hits further on; after the last one it continues with the first one. */
  step(by: number): void;
}

/** Searches in the words of a transcript. They are read once, at the first query. */
export function useWordSearch(words: readonly ShownWord[]): WordSearch {
  const [query, setQuery] = useState('');
  const [shown, setShown] = useState(0);
  const isUsed = query !== '';
  const search = useMemo(() => searchIn(isUsed ? words : []), [words, isUsed]);
  const found = useMemo(() => search(query), [search, query]);
  const count = found.starts.length;
  return {
    query,
    found,
    shown,
    shownHit: found.starts[shown],
    change(next) {
      setQuery(next);
      setShown(0);
    },
    step: (by) => setShown(count === 0 ? 0 : (shown + by + count) % count),
  };
}

/** The search field, the number of hits and the buttons between them. */
export function Search({ search: { query, found, shown, change, step } }: { readonly search: WordSearch }) {
  const count = found.starts.length;
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
        {query.trim() === '' ? '' : count === 0 ? 'none' : `${shown + 1} / ${count}`}
      </span>
      <button type="button" class="button icon" aria-label="Previous hit" disabled={count === 0} onClick={() => step(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="button icon" aria-label="Next hit" disabled={count === 0} onClick={() => step(1)}>
        <Icon name="down" />
      </button>
    </search>
  );
}
