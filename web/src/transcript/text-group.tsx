import { useMemo } from 'preact/hooks';
import { clock } from '../ui/format.ts';
import { estimatedRem, runsOf, type TextGroup } from './text-groups.ts';
import type { Block, Gap } from './words.ts';

/** The button of a gap. */
export type GapAction = (gap: Gap) => { label: string; run(): void } | undefined;

/** A span without text, and what can be done about it. */
function GapLine({ gap, action }: { readonly gap: Gap; readonly action: ReturnType<GapAction> }) {
  return (
    <div class="gap">
      <span>{gap.text}</span>
      {action && (
        <button type="button" class="button" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  );
}

/** The speakers of a transcript. */
export interface Speakers {
  /** In order of their first words. */
  readonly names: readonly string[];
  /** Opens the dialog that names a speaker; undefined if they cannot be named. */
  readonly rename: ((speaker: string) => void) | undefined;
}

/** Number of colors of speakers. @see transcript.css */
const COLORS = 8;

function Speaker({ name, speakers: { names, rename } }: { readonly name: string; readonly speakers: Speakers }) {
  const color = `speaker color-${names.indexOf(name) % COLORS}`;
  if (rename === undefined) return <span class={color}>{name}</span>;
  return (
    <button type="button" class={color} title="Name this speaker" onClick={() => rename(name)}>
      {name}
    </button>
  );
}

interface ParagraphProps {
  readonly block: Block & { kind: 'words' };
  /** Index of its first word. */
  readonly first: number;
  readonly speakers: Speakers;
}

function Paragraph({ block, first, speakers }: ParagraphProps) {
  return (
    <p>
      {block.speaker && <Speaker name={block.speaker} speakers={speakers} />}
      <span class="at numbers">{clock(block.start)}</span>
      <span class="text" data-first={first}>
        {runsOf(block.words).map(({ text, marks }) => (marks === '' ? text : <span class={`w${marks}`}>{text}</span>))}
      </span>
    </p>
  );
}

interface TextGroupViewProps {
  readonly group: TextGroup;
  /** Estimated width of the text in rem. */
  readonly widthRem: number;
  readonly gapAction: GapAction | undefined;
  readonly speakers: Speakers;
}

/** Some paragraphs and gaps. It is rendered again only if they change. text-positions.ts relies on its elements. */
export function TextGroupView({ group, widthRem, gapAction, speakers }: TextGroupViewProps) {
  const action = group.blocks.some(({ kind }) => kind === 'gap') ? gapAction : undefined;
  return useMemo(
    () => (
      <div class="group" style={{ containIntrinsicBlockSize: `auto ${estimatedRem(group, widthRem)}rem` }}>
        {group.blocks.map((block, i) =>
          block.kind === 'gap' ? (
            <GapLine key={i} gap={block} action={action?.(block)} />
          ) : (
            <Paragraph key={i} block={block} first={group.firsts[i] ?? 0} speakers={speakers} />
          ),
        )}
      </div>
    ),
    [group, widthRem, action, speakers],
  );
}
