/**
 * Writes transcripts as Word documents (docx). gpu_worker/service/http/documents.py writes the same paragraphs.
 *
 * Gotcha: the library is large, so this module is imported when a document is requested.
 */
import { Document, HeadingLevel, Packer, Paragraph, TextRun } from 'docx';
import type { TranscriptDocument } from './document.ts';

const CREATOR = 'Chunkscribe';
/** Font size in half points, and space after a paragraph in twentieths of a point. */
const [TEXT_SIZE, TITLE_SIZE, SPACE_AFTER] = [22, 32, 160];

function paragraphOf(one: TranscriptDocument['paragraphs'][number]): Paragraph {
  if (one.kind === 'mark') return new Paragraph({ children: [new TextRun({ text: one.text, italics: true })] });
  const speaker = one.speaker === undefined ? [] : [new TextRun({ text: `${one.speaker}: `, bold: true })];
  return new Paragraph({ children: [new TextRun(`${one.time} `), ...speaker, new TextRun(one.text)] });
}

export async function toWord({ title, facts, language, paragraphs }: TranscriptDocument): Promise<Uint8Array> {
  const lang = language === undefined ? {} : { language: { value: language, eastAsia: language, bidirectional: language } };
  const document = new Document({
    title,
    creator: CREATOR,
    lastModifiedBy: CREATOR,
    styles: {
      default: {
        document: { run: { size: TEXT_SIZE, font: 'Calibri', ...lang } },
        heading1: { run: { size: TITLE_SIZE, bold: true } },
      },
      paragraphStyles: [{ id: 'Normal', name: 'Normal', quickFormat: true, paragraph: { spacing: { after: SPACE_AFTER } } }],
    },
    sections: [
      {
        children: [
          new Paragraph({ text: title, heading: HeadingLevel.HEADING_1 }),
          new Paragraph(facts),
          ...paragraphs.map(paragraphOf),
        ],
      },
    ],
  });
  return Packer.pack(document, 'uint8array');
}
