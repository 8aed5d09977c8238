/** Writes transcripts as Markdown. gpu_worker/service/http/documents.py writes the same. */
import type { TranscriptDocument } from './document.ts';

/** Characters that CommonMark, or GitHub's extensions of it, can interpret within a line. */
const SYNTAX = /[\\`*_[\]<>&#~|$]/g;
const escaped = (text: string): string => text.replace(SYNTAX, '\\$&');

/** Every line begins with a time, a mark or `#`, so that no text can begin a list, a quote or a block of code. */
export function toMarkdown({ title, facts, paragraphs }: TranscriptDocument): string {
  const lines = paragraphs.map((one) => {
    if (one.kind === 'mark') return `*${one.text}*`;
    const speaker = one.speaker === undefined ? '' : `**${escaped(one.speaker)}:** `;
    return `${one.time} ${speaker}${escaped(one.text)}`;
  });
  return `${[`# ${escaped(title)}`, facts, ...lines].join('\n\n')}\n`;
}
