import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { languageName, spokenLanguages } from '../../../core/contracts/languages.ts';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { clock } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Menu, Notice } from '../ui/parts.tsx';
import { EditDialog, type EditedSpan } from './edit-dialog.tsx';
import type { Player } from './player.ts';
import { Waveform } from './waveform.tsx';
import { WordText } from './word-text.tsx';
import { blocksOf, findWords, type Gap, type ShownWord } from './words.ts';

const RATES = [0.75, 1, 1.25, 1.5, 2];
const SKIP_SECONDS = 10;

export interface TranscriptViewProps {
  readonly transcript: Omit<Transcript, 'sessionId' | 'final'>;
  readonly player: Player;
  readonly peaks: readonly number[];
  /** File name of downloads, without extension. */
  readonly name: string;
  /** Downloads the transcript in this format. */
  load(format: 'txt' | 'srt' | 'vtt' | 'json'): Promise<string>;
  /** The edit that this word belongs to. */
  editAt?: (word: ShownWord) => { start: number; end: number; text: string } | undefined;
  saveEdit?: (span: { start: number; end: number }, text: string | undefined) => Promise<void>;
  gapAction?: (gap: Gap) => { label: string; run(): void } | undefined;
}

function saveAs(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function PlayerBar({
  player,
  peaks,
  durationSeconds,
  gaps,
}: {
  player: Player;
  peaks: readonly number[];
  durationSeconds: number;
  gaps: readonly Gap[];
}) {
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

interface SearchProps {
  readonly query: string;
  readonly found: number;
  readonly shown: number;
  change(query: string): void;
  step(by: number): void;
}
function Search({ query, found, shown, change, step }: SearchProps) {
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

/** Keyboard shortcuts outside form fields: Space or K plays and pauses, J and L skip ten seconds back and forward. */
function usePlayerKeys(player: Player): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target, key } = event;
      const isControl =
        target instanceof Element && target.closest('input, textarea, select, button, a, dialog, [role=slider]') !== null;
      if (isControl || event.ctrlKey || event.metaKey || event.altKey) return;
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

/** A transcript with its player, search, downloads and editing. */
export function TranscriptView({ transcript, player, peaks, name, load, editAt, saveEdit, gapAction }: TranscriptViewProps) {
  const [query, setQuery] = useState('');
  const [shown, setShown] = useState(0);
  const [edited, setEdited] = useState<EditedSpan | undefined>();
  const [message, setMessage] = useState('');
  usePlayerKeys(player);
  const blocks = useMemo(() => blocksOf(transcript), [transcript]);
  const gaps = useMemo(() => blocks.filter((block): block is Gap => block.kind === 'gap'), [blocks]);
  const words = useMemo(() => blocks.flatMap((block) => (block.kind === 'words' ? block.words : [])), [blocks]);
  const found = useMemo(() => findWords(words, query), [words, query]);
  const hits = useMemo(() => new Set(found.flatMap(({ at, count }) => Array.from({ length: count }, (_, i) => at + i))), [found]);

  const edit = (first: number, last: number): void => {
    const chosen = words.slice(first, last + 1);
    const [from, to] = [chosen[0], chosen.at(-1)];
    if (from === undefined || to === undefined) return;
    const existing = editAt?.(from);
    const isWithin = existing !== undefined && to.end <= existing.end + 0.01;
    setEdited(
      isWithin
        ? { ...existing, isEdit: true }
        : { start: from.start, end: to.end, text: chosen.map(({ text }) => text).join(' '), isEdit: false },
    );
  };
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(transcript.text).then(
      () => setMessage('Text copied.'),
      () => setMessage('The browser does not allow copying. Select the text and copy it by hand.'),
    );
  };
  const download = (format: 'txt' | 'srt' | 'vtt' | 'json') => ({
    label: { txt: 'Text (.txt)', srt: 'Subtitles (.srt)', vtt: 'Subtitles (.vtt)', json: 'Everything (.json)' }[format],
    choose: () =>
      void load(format).then(
        (text) => saveAs(`${name}.${format}`, text),
        () => setMessage('The download failed. Try again.'),
      ),
  });
  const languages = useMemo(() => spokenLanguages(transcript), [transcript]);
  const hasUnsure = words.some(({ probability }) => probability < 0.5);

  return (
    <>
      <PlayerBar player={player} peaks={peaks} durationSeconds={transcript.duration_seconds} gaps={gaps} />
      <div class="row">
        <Search
          query={query}
          found={found.length}
          shown={shown}
          change={(next) => {
            setQuery(next);
            setShown(0);
          }}
          step={(by) => setShown(found.length === 0 ? 0 : (shown + by + found.length) % found.length)}
        />
        <button type="button" class="button" onClick={() => void copy()}>
          <Icon name="copy" />
          Copy
        </button>
        <Menu label="Download" icon="download" items={(['txt', 'srt', 'vtt', 'json'] as const).map(download)} />
      </div>
      <p class="small soft" role="status">
        {message}
      </p>
      {words.length === 0 && gaps.length === 0 ? (
        <p class="soft">No words were spoken in this recording.</p>
      ) : (
        <WordText
          blocks={blocks}
          words={words}
          player={player}
          hits={hits}
          shownHit={found[shown]?.at}
          edit={saveEdit === undefined ? undefined : edit}
          gapAction={gapAction}
        />
      )}
      <p class="legend-list">
        <span data-testid="languages">
          {languages.length > 1 ? 'Languages' : 'Language'}: {languages.map(languageName).join(', ')}
        </span>
        {hasUnsure && (
          <span>
            <span class="w unsure">dotted</span>: low confidence
          </span>
        )}
        {saveEdit && (
          <span>
            Double-click a word or press E to edit it. <span class="w edited">Underlined</span> words are edited.
          </span>
        )}
        <span>Space plays and pauses, J and L skip ten seconds back and forward, / searches.</span>
      </p>
      {edited && saveEdit && (
        <EditDialog span={edited} close={() => setEdited(undefined)} save={(text) => saveEdit(edited, text)} />
      )}
    </>
  );
}
