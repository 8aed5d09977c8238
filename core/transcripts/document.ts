/** Transcripts as documents of paragraphs, for Markdown and Word. gpu_worker/service/http/documents.py has the same rules. */
import type { Transcript } from '../contracts/transcript.ts';
import { clock } from '../contracts/without-text.ts';
import { iso } from '../time.ts';
import type { Mark } from './marks.ts';
import { blocksOf } from './plain-text.ts';
import { joinTexts, oneLine } from './spacing.ts';

/** What a document says about its recording. */
export interface About {
  readonly title: string;
  readonly recordedAtMs?: number | undefined;
  /** When it was added; used if it is unknown when it was recorded. */
  readonly addedAtMs: number;
}

/** A paragraph of speech. */
interface Spoken {
  readonly kind: 'speech';
  /** When it begins, as `m:ss` or `h:mm:ss`. */
  readonly time: string;
  readonly speaker: string | undefined;
  readonly text: string;
}
/** A paragraph that says what is missing. */
interface Marked {
  readonly kind: 'mark';
  readonly text: string;
}

export interface TranscriptDocument {
  readonly title: string;
  /** When it was recorded, and its length. */
  readonly facts: string;
  /** Undefined if it is unknown. */
  readonly language: string | undefined;
  readonly paragraphs: readonly (Spoken | Marked)[];
}

/** `YYYY-MM-DD HH:MM UTC` */
const minute = (ms: number): string => `${iso(ms).slice(0, 16).replace('T', ' ')} UTC`;

type Recorded = Pick<Transcript, 'text' | 'segments' | 'duration_seconds' | 'language'>;

/** `marks`: in order of time; they are paragraphs between those of the text. */
export function documentOf(transcript: Recorded, about: About, marks: readonly Mark[]): TranscriptDocument {
  const { recordedAtMs, addedAtMs } = about;
  const date = recordedAtMs === undefined ? `Added ${minute(addedAtMs)}` : `Recorded ${minute(recordedAtMs)}`;
  const paragraphs = blocksOf(transcript, marks).map((block): Spoken | Marked => {
    if ('other' in block) return { kind: 'mark', text: block.other.text };
    const [first] = block.paragraph;
    const text = oneLine(joinTexts(block.paragraph.map((segment) => segment.text)));
    return { kind: 'speech', time: clock(first?.start ?? 0), speaker: first?.speaker && oneLine(first.speaker), text };
  });
  return {
    title: oneLine(about.title) || 'Recording',
    facts: `${date}, length ${clock(transcript.duration_seconds)}`,
    language: transcript.language === 'und' ? undefined : transcript.language,
    paragraphs: paragraphs.filter(({ text }) => text !== ''),
  };
}
