import { CONTENT_TYPES, type Format } from '../../../core/contracts/formats.ts';
import { Icon } from '../ui/icon.tsx';
import { Menu } from '../ui/parts.tsx';
import { saveAs } from '../ui/save-as.ts';

const FORMATS = ['txt', 'docx', 'md', 'srt', 'vtt', 'json'] as const;
const LABELS: Readonly<Record<Format, string>> = {
  txt: 'Text (.txt)',
  docx: 'Word (.docx)',
  md: 'Markdown (.md)',
  srt: 'Subtitles (.srt)',
  vtt: 'Subtitles (.vtt)',
  json: 'Everything (.json)',
};

interface CopyAndDownloadProps {
  readonly text: string;
  /** File name of downloads, without extension. */
  readonly name: string;
  /** Downloads the transcript in this format. */
  load(format: Format): Promise<Uint8Array<ArrayBuffer>>;
  /** Shows the outcome to the user. */
  report(message: string): void;
}

/** The buttons that copy and download the text. */
export function CopyAndDownload({ text, name, load, report }: CopyAndDownloadProps) {
  const copy = (): Promise<void> =>
    navigator.clipboard.writeText(text).then(
      () => report('Text copied.'),
      () => report('The browser does not allow copying. Select the text and copy it by hand.'),
    );
  const download = (format: Format): Promise<void> =>
    load(format).then(
      (loaded) => saveAs(`${name}.${format}`, new Blob([loaded], { type: CONTENT_TYPES[format] })),
      () => report('The download failed. Try again.'),
    );
  return (
    <>
      <button type="button" class="button" onClick={() => void copy()}>
        <Icon name="copy" />
        Copy
      </button>
      <Menu
        label="Download"
        icon="download"
        items={FORMATS.map((format) => ({ label: LABELS[format], choose: () => void download(format) }))}
      />
    </>
  );
}
