/** What the page of a recording shows about its state. */

import { recordedOr } from '../../../core/contracts/recorded.ts';
import type { Transcript } from '../../../core/contracts/transcript.ts';
import { missingNotice } from '../../../core/contracts/without-text.ts';
import { dateTime, plural, span } from '../ui/format.ts';
import { Notice } from '../ui/parts.tsx';
import type { Session } from './session-chunks.ts';

/** When it was recorded, how much of it is transcribed, and the counts of the target words. */
export function Facts({ session }: { readonly session: Session }) {
  const { statistics } = session;
  const words = Object.entries(statistics.targetWords);
  return (
    <p class="small soft">
      {dateTime(recordedOr(session))} · {plural(statistics.known, 'chunk')} · {span(statistics.secondsCovered)} transcribed
      {words.length > 0 && ` · ${words.map(([word, count]) => `${word}: ${count}`).join(', ')}`}
    </p>
  );
}

const WAIT_REASONS: Readonly<Record<string, string>> = {
  capacity: 'No GPU machine is available right now. Your recording is waiting for one.',
  budget: 'The daily budget is used up. Work continues tomorrow (UTC).',
  failures: 'The machines have failed several times.',
};

/** Reports that more than half of a recording is missing. */
export function MissingNotice({ transcript }: { readonly transcript: Pick<Transcript, 'gaps' | 'duration_seconds'> }) {
  const notice = missingNotice(transcript);
  return notice === undefined ? null : (
    <Notice tone="warn">
      <p>{notice}</p>
    </Notice>
  );
}

/** Why the text is not complete yet. */
export function StatusNotice({
  session,
  isFinal,
  transcribeNow,
}: {
  readonly session: Session;
  readonly isFinal: boolean;
  transcribeNow(): void;
}) {
  const { pending, missing } = session.statistics;
  if (session.waitingFor !== undefined)
    return (
      <Notice tone="warn">
        <p>
          {WAIT_REASONS[session.waitingFor.reason]} The next attempt is automatic, at {dateTime(session.waitingFor.until)} at the
          latest.
        </p>
      </Notice>
    );
  if (!session.live && pending > 0 && session.state === 'completed')
    return (
      <Notice>
        <p>This recording is stored. The next batch transcribes it, or you can transcribe it now.</p>
        <button type="button" class="button" onClick={transcribeNow}>
          Transcribe now
        </button>
      </Notice>
    );
  const retranscription = session.retranscription;
  if (session.retranscribing && retranscription !== undefined)
    return (
      <Notice tone="busy">
        <p>
          The recording is being transcribed again: {retranscription.done + retranscription.failed} of{' '}
          {plural(retranscription.chunks, 'chunk')}. Until all are done, the previous text is shown.
        </p>
        <span class="spinner" />
      </Notice>
    );
  if (isFinal && retranscription !== undefined && retranscription.failed > 0)
    return (
      <Notice tone="warn">
        <p>
          {plural(retranscription.failed, 'chunk')} could not be transcribed again and{' '}
          {retranscription.failed === 1 ? 'keeps its' : 'keep their'} previous text.
        </p>
      </Notice>
    );
  if (isFinal) return null;
  const message =
    session.state === 'recording'
      ? 'Recording in progress. New text appears here.'
      : pending > 0
        ? `${plural(pending, 'chunk')} not transcribed yet.`
        : 'The text is being assembled.';
  return (
    <Notice tone="busy">
      <p>
        {message}
        {missing > 0 && ` ${plural(missing, 'chunk')} not uploaded yet.`}
      </p>
      <span class="spinner" />
    </Notice>
  );
}
