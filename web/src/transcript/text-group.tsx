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

/** A paragraph. `first` is the index of its first word. */
function Paragraph({ block, first }: { readonly block: Block & { kind: 'words' }; readonly first: number }) {
  return (
    <p>
      {block.speaker && <span class="speaker">{block.speaker}</span>}
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
}

/** Some paragraphs and gaps. It is rendered again only if they change. text-positions.ts relies on its elements. */
export function TextGroupView({ group, widthRem, gapAction }: TextGroupViewProps) {
  const action = group.blocks.some(({ kind }) => kind === 'gap') ? gapAction : undefined;
  return useMemo(
    () => (
      <div class="group" style={{ containIntrinsicBlockSize: `auto ${estimatedRem(group, widthRem)}rem` }}>
        {group.blocks.map((block, i) =>
          block.kind === 'gap' ? (
            <GapLine key={i} gap={block} action={action?.(block)} />
          ) : (
            <Paragraph key={i} block={block} first={group.firsts[i] ?? 0} />
          ),
        )}
      </div>
    ),
    [group, widthRem, action],
  );
}
