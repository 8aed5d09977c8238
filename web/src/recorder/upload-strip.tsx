/** A line below the header of every page: the active recording, and audio that is not uploaded yet. */
import { plural } from '../ui/format.ts';
import { isActive } from './recording.ts';
import { type RecordingView, recordings } from './upload-queue.ts';

const unsentChunks = ({ chunks }: RecordingView): number => chunks.filter(({ state }) => state === 'recorded').length;

function sentence(): string {
  const unsent = recordings.value.filter((recording) => recording.lost === undefined && unsentChunks(recording) > 0);
  const count = unsent.reduce((sum, recording) => sum + unsentChunks(recording), 0);
  const blockedBy = unsent.find((recording) => recording.blockedBy !== undefined)?.blockedBy;
  const withoutSession = recordings.value.find(
    (recording) => recording.sessionId === undefined && recording.blockedBy !== undefined && recording.phase !== 'completed',
  );
  if (blockedBy === undefined && withoutSession === undefined) return '';
  const subject = count === 0 ? 'The recording is' : `${plural(count, 'chunk')} ${count === 1 ? 'is' : 'are'}`;
  const reasons = { offline: 'there is no connection', 'signed-out': 'you are signed out', server: 'the server reports errors' };
  return `${subject} kept on this device: ${reasons[blockedBy ?? withoutSession?.blockedBy ?? 'offline']}. The upload continues automatically.`;
}

export function UploadStrip({ isRecorder }: { readonly isRecorder: boolean }) {
  const message = sentence();
  return (
    <div aria-live="polite">
      {isActive.value && !isRecorder && (
        <div class="strip recording">
          <div class="strip-inner">
            <span>Recording in progress.</span>
            <a href="#/record">Back to the recording</a>
          </div>
        </div>
      )}
      {message !== '' && (
        <div class="strip" data-testid="upload-strip">
          <div class="strip-inner">{message}</div>
        </div>
      )}
    </div>
  );
}
