/** A line under the header: that a recording runs, and what is not sent yet, on every page. */
import { plural } from '../ui/format.ts';
import { isActive } from './recording.ts';
import { type RecordingView, recordings } from './upload-queue.ts';

const waiting = ({ chunks }: RecordingView): number => chunks.filter(({ state }) => state === 'recorded').length;

function sentence(): string {
  const unsent = recordings.value.filter((recording) => recording.lost === undefined && waiting(recording) > 0);
  const count = unsent.reduce((sum, recording) => sum + waiting(recording), 0);
  const trouble = unsent.find((recording) => recording.trouble !== undefined)?.trouble;
  const newSession = recordings.value.find(
    ({ sessionId, trouble: why, phase }) => sessionId === undefined && why !== undefined && phase !== 'completed',
  );
  if (trouble === undefined && newSession === undefined) return '';
  const what = count === 0 ? 'The recording is' : `${plural(count, 'chunk')} ${count === 1 ? 'is' : 'are'}`;
  const why = { offline: 'there is no connection', 'signed-out': 'you are signed out', server: 'the server has trouble' };
  return `${what} kept on this device: ${why[trouble ?? newSession?.trouble ?? 'offline']}. Sending goes on by itself.`;
}

export function UploadStrip({ isRecorder }: { readonly isRecorder: boolean }) {
  const said = sentence();
  return (
    <div aria-live="polite">
      {isActive.value && !isRecorder && (
        <div class="strip recording">
          <div class="strip-inner">
            <span>A recording is running.</span>
            <a href="#/record">Back to it</a>
          </div>
        </div>
      )}
      {said !== '' && (
        <div class="strip" data-testid="upload-strip">
          <div class="strip-inner">{said}</div>
        </div>
      )}
    </div>
  );
}
