import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Audio, Peaks, RangeJob, Retranscribed, Retried, SessionDetails } from '../../../core/contracts/answers.ts';
import type { Edit } from '../../../core/contracts/edits.ts';
import { call, callJson, callVoid, errorMessage } from '../api/client.ts';
import { useLiveText } from '../recorder/use-live-text.ts';
import { go } from '../route.ts';
import { dateTime, plural, span } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Failed, Loading, NOTHING_NEW, Notice, Tag, useConfirmation } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { changeEdits, editAt, readEdits, withEdit } from './edits.ts';
import { Player, type Section } from './player.ts';
import { RetranscribeDialog, type RetranscribeOptions } from './retranscribe-dialog.tsx';
import { TranscriptView } from './transcript-view.tsx';
import type { Gap, ShownWord } from './words.ts';

const REFRESH = { everySeconds: 2, backsOff: true };
const WAIT_REASONS: Readonly<Record<string, string>> = {
  capacity: 'No GPU machine is available right now. Your recording is waiting for one.',
  budget: 'The daily budget is used up. Work continues tomorrow (UTC).',
  failures: 'The machines have failed several times.',
};

async function sectionsOf(sessionId: string): Promise<Section[]> {
  const sections: Section[] = [];
  for (let from: number | undefined = 1; from !== undefined; ) {
    const page: { chunks: { start: number; end: number; url: string }[]; next?: number | undefined } = await callJson(
      Audio,
      'GET',
      `/api/sessions/${sessionId}/audio?from=${from}`,
    );
    sections.push(...page.chunks.map(({ start, end, url }) => ({ start, end, url, isChunk: true })));
    from = page.next;
  }
  return sections;
}

type Session = Awaited<ReturnType<typeof readSession>>;
const readSession = (id: string) => callJson(SessionDetails, 'GET', `/api/sessions/${id}`);

function Facts({ session }: { readonly session: Session }) {
  const { statistics } = session;
  const words = Object.entries(statistics.targetWords);
  return (
    <p class="small soft">
      {dateTime(session.createdAt)} · {plural(statistics.known, 'chunk')} · {span(statistics.secondsCovered)} transcribed
      {words.length > 0 && ` · ${words.map(([word, count]) => `${word}: ${count}`).join(', ')}`}
    </p>
  );
}

/** Why the text is not complete yet. */
function StatusNotice({
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

/** A recording: its audio and text. */
export function SessionPage({ id }: { readonly id: string }) {
  const [round, setRound] = useState(0);
  const [failed, setFailed] = useState('');
  const { confirm, dialog } = useConfirmation();
  const [hasArrived, setArrived] = useState(false);
  const { transcript, error, hasStopped } = useLiveText(hasArrived ? id : undefined, round);
  const isFinal = transcript?.final === true;
  const [wasRetranscribing, setWasRetranscribing] = useState(false);
  const [isDialogOpen, setDialogOpen] = useState(false);
  const refresh = isFinal && !wasRetranscribing ? undefined : REFRESH;
  const session = useLoaded(`session ${id} ${isFinal} ${round}`, () => readSession(id), refresh);
  const last = useRef<Session | undefined>(undefined);
  last.current = session.value ?? last.current;
  const known = last.current;
  const arrived = (known?.chunks.length ?? 0) > 0;
  useEffect(() => setArrived(arrived), [arrived]);
  const retranscribing = known?.retranscribing === true;
  useEffect(() => {
    // When the new transcription ends, the page polls for the new text.
    if (wasRetranscribing && !retranscribing) setRound((now) => now + 1);
    setWasRetranscribing(retranscribing);
  }, [retranscribing]);
  const chunkCount = transcript?.chunks.length ?? 0;
  const peaks = useLoaded(`peaks ${id} ${chunkCount}`, () => callJson(Peaks, 'GET', `/api/sessions/${id}/peaks`));
  const edits = useLoaded(`edits ${id} ${round}`, () => readEdits(id));
  const lastPeaks = useRef<readonly number[]>([]);
  lastPeaks.current = peaks.value?.peaks ?? lastPeaks.current;
  const player = useMemo(() => new Player(() => sectionsOf(id)), [id]);
  useEffect(() => () => player.close(), [player]);
  useEffect(() => {
    if (player.time.value > 0) player.renew().catch(() => undefined);
  }, [player, chunkCount]);

  const attempt = useCallback((work: () => Promise<unknown>): void => {
    setFailed('');
    work().then(
      () => setRound((now) => now + 1),
      (reason: unknown) => setFailed(errorMessage(reason)),
    );
  }, []);
  const saveEdit = async (span: { start: number; end: number }, text: string | undefined): Promise<void> => {
    await changeEdits(id, (all: readonly Edit[]) => withEdit(all, span, text));
    setRound((now) => now + 1);
  };
  const gapAction = useCallback(
    ({ chunkNumber }: Gap) =>
      chunkNumber !== undefined && known?.chunks.some((chunk) => chunk.chunkNumber === chunkNumber && chunk.state === 'dead')
        ? {
            label: 'Try again',
            run: () => attempt(() => callJson(Retried, 'POST', `/api/sessions/${id}/chunks/${chunkNumber}/retry`)),
          }
        : undefined,
    [id, known, attempt],
  );
  const retranscribe = async (options: RetranscribeOptions): Promise<void> => {
    await callJson(Retranscribed, 'POST', `/api/sessions/${id}/retranscribe`, options);
    await session.reload();
  };
  const transcribeNow = (): void => {
    const end = Math.max(1, known?.chunks.reduce((sum, chunk) => sum + (chunk.durationSeconds ?? 30), 0) ?? 1);
    attempt(() => callJson(RangeJob, 'POST', `/api/sessions/${id}/transcript/ranges`, { start: 0, end }));
  };
  const remove = (): void =>
    confirm({
      title: 'Delete this recording?',
      text: 'Its audio, its text and all other data are permanently deleted.',
      button: 'Delete',
      yes: () =>
        void callVoid('DELETE', `/api/sessions/${id}`).then(
          () => go('sessions'),
          (reason: unknown) => setFailed(errorMessage(reason)),
        ),
    });

  if (known === undefined)
    return session.error ? <Failed what={session.error} retry={() => void session.reload()} /> : <Loading what="The recording" />;
  return (
    <>
      <div class="row apart">
        <div class="grow">
          <h1>{known.title ?? 'Recording'}</h1>
          <Facts session={known} />
        </div>
        <div class="row">
          {isFinal && (
            <Tag tone={transcript.status === 'completed' ? 'good' : 'warn'}>
              {transcript.status === 'completed' ? 'complete' : 'with gaps'}
            </Tag>
          )}
          {isFinal && known.state === 'completed' && !retranscribing && (
            <button type="button" class="button" onClick={() => setDialogOpen(true)}>
              Transcribe again
            </button>
          )}
          <button type="button" class="button quiet danger icon" aria-label="Delete this recording" onClick={remove}>
            <Icon name="trash" />
          </button>
        </div>
      </div>
      {dialog}
      {isDialogOpen && (
        <RetranscribeDialog
          model={known.model}
          language={known.language}
          submit={retranscribe}
          close={() => setDialogOpen(false)}
        />
      )}
      {failed && <Failed what={failed} />}
      <StatusNotice session={known} isFinal={isFinal} transcribeNow={transcribeNow} />
      {hasStopped && <Failed what={NOTHING_NEW} retry={() => setRound(round + 1)} />}
      {error && !transcript && <Failed what={error} retry={() => setRound(round + 1)} />}
      {transcript === undefined && !error && arrived && <Loading what="The text" />}
      {!arrived && (
        <Empty icon="clock">
          <p>No audio has been uploaded yet.</p>
        </Empty>
      )}
      {transcript && (
        <TranscriptView
          transcript={transcript}
          player={player}
          peaks={lastPeaks.current}
          name={known.title ?? id}
          load={async (format) => (await call('GET', `/api/sessions/${id}/transcript?format=${format}`)).text()}
          editAt={(word: ShownWord) => editAt(edits.value?.edits ?? [], word)}
          saveEdit={saveEdit}
          gapAction={gapAction}
        />
      )}
    </>
  );
}
