import { useMemo, useState } from 'preact/hooks';
import type { Format } from '../../../core/contracts/formats.ts';
import { languageName, spokenLanguages } from '../../../core/contracts/languages.ts';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { CopyAndDownload } from './copy-and-download.tsx';
import { EditDialog, type EditedSpan } from './edit-dialog.tsx';
import { Legend } from './legend.tsx';
import type { Player } from './player.ts';
import { PlayerBar } from './player-bar.tsx';
import { Search, useWordSearch } from './search.tsx';
import { isUnsure } from './text-groups.ts';
import { WordText } from './word-text.tsx';
import { blocksOf, type Gap, type ShownWord, shownText } from './words.ts';

/** Finds and saves the edits of a transcript. */
interface Editing {
  /** The edit that this word belongs to. */
  editAt(word: ShownWord): { start: number; end: number; text: string } | undefined;
  /** Without a text, the recognized one is restored. */
  save(span: { start: number; end: number }, text: string | undefined): Promise<void>;
}

interface TranscriptViewProps {
  readonly transcript: Omit<Transcript, 'sessionId' | 'final'>;
  readonly player: Player;
  readonly peaks: readonly number[];
  /** File name of downloads, without extension. */
  readonly name: string;
  /** Downloads the transcript in this format. */
  load(format: Format): Promise<Uint8Array<ArrayBuffer>>;
  /** Undefined if the text cannot be edited. */
  readonly editing?: Editing;
  gapAction?: (gap: Gap) => { label: string; run(): void } | undefined;
}

/** The paragraphs and gaps of a transcript, and all its words. */
function useBlocks(transcript: TranscriptViewProps['transcript']) {
  const blocks = useMemo(() => blocksOf(transcript), [transcript]);
  const gaps = useMemo(() => blocks.filter((block): block is Gap => block.kind === 'gap'), [blocks]);
  const words = useMemo(() => blocks.flatMap((block) => (block.kind === 'words' ? block.words : [])), [blocks]);
  return { blocks, gaps, words };
}

/** The span to edit for these words: the edit that they belong to, or the words themselves. */
function editedSpan(words: readonly ShownWord[], { editAt }: Editing): EditedSpan | undefined {
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const existing = editAt(first);
  if (existing !== undefined && last.end <= existing.end + 0.01) return { ...existing, isEdit: true };
  return { start: first.start, end: last.end, text: shownText(words), isEdit: false };
}

/** A transcript with its player, search, downloads and editing. */
export function TranscriptView({ transcript, player, peaks, name, load, editing, gapAction }: TranscriptViewProps) {
  const [edited, setEdited] = useState<EditedSpan | undefined>();
  const [message, setMessage] = useState('');
  const { blocks, gaps, words } = useBlocks(transcript);
  const search = useWordSearch(words);
  const languages = useMemo(() => spokenLanguages(transcript).map(languageName), [transcript]);
  const edit =
    editing &&
    ((first: number, last: number): void => {
      setEdited(editedSpan(words.slice(first, last + 1), editing));
    });
  return (
    <>
      <PlayerBar player={player} peaks={peaks} durationSeconds={transcript.duration_seconds} gaps={gaps} />
      <div class="row">
        <Search search={search} />
        <CopyAndDownload text={transcript.text} name={name} load={load} report={setMessage} />
      </div>
      <p class="small soft" role="status">
        {message}
      </p>
      {blocks.length === 0 ? (
        <p class="soft">No words were spoken in this recording.</p>
      ) : (
        <WordText blocks={blocks} words={words} player={player} search={search} edit={edit} gapAction={gapAction} />
      )}
      <Legend languages={languages} hasUnsure={words.some(isUnsure)} canEdit={editing !== undefined} />
      {edited && editing && (
        <EditDialog span={edited} close={() => setEdited(undefined)} save={(text) => editing.save(edited, text)} />
      )}
    </>
  );
}
