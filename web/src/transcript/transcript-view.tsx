import { useMemo, useState } from 'preact/hooks';
import type { Format } from '../../../core/contracts/formats.ts';
import { languageName, spokenLanguages } from '../../../core/contracts/languages.ts';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { type ShownWord, shownText } from '../../../core/transcripts/timed-words.ts';
import { CopyAndDownload } from './copy-and-download.tsx';
import { EditDialog, type EditedSpan } from './edit-dialog.tsx';
import { Legend } from './legend.tsx';
import type { Player } from './player.ts';
import { PlayerBar } from './player-bar.tsx';
import { Search, useWordSearch } from './search.tsx';
import { type KnownVoices, SpeakerDialog } from './speaker-dialog.tsx';
import { isUnsure } from './text-groups.ts';
import { WordText } from './word-text.tsx';
import { type Block, blocksOf, type Gap } from './words.ts';

/** Finds and saves what a user changes in a transcript. */
interface Editing {
  /** Undefined if only speakers can be changed. */
  readonly text?: {
    /** The edit that this word belongs to. */
    editAt(word: ShownWord): { start: number; end: number; text: string } | undefined;
    /** Without a text, the recognized one is restored. */
    save(span: { start: number; end: number }, text: string | undefined): Promise<void>;
  };
  /** Names a speaker; an empty name takes back the name. */
  nameSpeaker(speaker: string, name: string): Promise<void>;
  assignSpeaker(span: { start: number; end: number }, speaker: string): Promise<void>;
  /** Undefined without known voices. */
  readonly voices?: KnownVoices | undefined;
}

interface TranscriptViewProps {
  readonly transcript: Omit<Transcript, 'sessionId' | 'final'>;
  readonly player: Player;
  readonly peaks: readonly number[];
  /** File name of downloads, without extension. */
  readonly name: string;
  /** Downloads the transcript in this format. */
  load(format: Format): Promise<Uint8Array<ArrayBuffer>>;
  /** Undefined if nothing can be changed. */
  readonly editing?: Editing | undefined;
  gapAction?: (gap: Gap) => { label: string; run(): void } | undefined;
}

/** The paragraphs and gaps of a transcript, all its words, and its speakers in order of their first words. */
function useBlocks(transcript: TranscriptViewProps['transcript']) {
  const blocks = useMemo(() => blocksOf(transcript), [transcript]);
  const gaps = useMemo(() => blocks.filter((block): block is Gap => block.kind === 'gap'), [blocks]);
  const words = useMemo(() => blocks.flatMap((block) => (block.kind === 'words' ? block.words : [])), [blocks]);
  const found = [...new Set(blocks.flatMap((block) => (block.kind === 'words' ? (block.speaker ?? []) : [])))];
  const names = useMemo(() => found, [found.join('\n')]); // the same list if it has the same names
  return { blocks, gaps, words, names };
}

/** Whether all of it was transcribed, and nobody speaks. */
const isWithoutSpeech = ({ segments, gaps, coverage }: TranscriptViewProps['transcript']): boolean =>
  segments.length === 0 && gaps.length === 0 && coverage.every(({ kind }) => kind !== 'failed');

/** The span to edit for these words: the edit that they belong to, or the words themselves. */
function editedSpan(words: readonly ShownWord[], blocks: readonly Block[], { text }: Editing): EditedSpan | undefined {
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const block = blocks.find((one) => one.kind === 'words' && one.words.includes(first));
  const speaker = block?.kind === 'words' ? block.speaker : undefined;
  const existing = text?.editAt(first);
  if (existing !== undefined && last.end <= existing.end + 0.01) return { ...existing, isEdit: true, speaker };
  return { start: first.start, end: last.end, text: shownText(words), isEdit: false, speaker };
}

/** A transcript with its player, search, downloads and editing. */
export function TranscriptView({ transcript, player, peaks, name, load, editing, gapAction }: TranscriptViewProps) {
  const [edited, setEdited] = useState<EditedSpan | undefined>();
  const [message, setMessage] = useState('');
  const { blocks, gaps, words, names } = useBlocks(transcript);
  const [named, setNamed] = useState<string | undefined>();
  const changes = editing && (editing.text ? 'text' : 'speakers');
  const speakers = useMemo(() => ({ names, rename: changes && setNamed }), [names, changes]);
  const search = useWordSearch(words);
  const languages = useMemo(() => spokenLanguages(transcript).map(languageName), [transcript]);
  const saveText = editing?.text?.save;
  const edit =
    editing &&
    ((first: number, last: number): void => {
      setEdited(editedSpan(words.slice(first, last + 1), blocks, editing));
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
      {isWithoutSpeech(transcript) && <p class="soft">No words were spoken in this recording.</p>}
      {blocks.length > 0 && (
        <WordText
          blocks={blocks}
          words={words}
          player={player}
          search={search}
          edit={edit}
          gapAction={gapAction}
          speakers={speakers}
        />
      )}
      <Legend languages={languages} hasUnsure={words.some(isUnsure)} changes={changes} />
      {edited && editing && (
        <EditDialog
          span={edited}
          speakers={names}
          close={() => setEdited(undefined)}
          save={saveText && ((text) => saveText(edited, text))}
          assign={(speaker) => editing.assignSpeaker(edited, speaker)}
        />
      )}
      {named !== undefined && editing && (
        <SpeakerDialog
          speaker={named}
          names={names}
          voices={editing.voices}
          close={() => setNamed(undefined)}
          save={(name) => editing.nameSpeaker(named, name)}
        />
      )}
    </>
  );
}
