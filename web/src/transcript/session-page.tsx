import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Audio, Peaks, RangeJob, Retried, SessionDetails } from '../../../core/contracts/answers.ts';
import type { Edit } from '../../../core/contracts/edits.ts';
import { ask, call, inWords, tell } from '../api/client.ts';
import { useLiveText } from '../recorder/use-live-text.ts';
import { go } from '../route.ts';
import { dateTime, plural, span } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Failed, Loading, NOTHING_NEW, Notice, Tag, useQuestion } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { changeEdits, editAt, readEdits, withEdit } from './edits.ts';
import { Player, type Section } from './player.ts';
import { TranscriptView } from './transcript-view.tsx';
import type { Gap, ShownWord } from './words.ts';

const REFRESH = { everySeconds: 2, tires: true };
const WAITS: Readonly<Record<string, string>> = {
  capacity: 'There is no machine to be had at the moment; the work waits for one.',
  budget: 'The budget of the day is spent; the work goes on tomorrow (UTC).',
  failures: 'The machines have failed several times; the next attempt is later.',
};

async function sectionsOf(sessionId: string): Promise<Section[]> {
  const sections: Section[] = [];
  for (let from: number | undefined = 1; from !== undefined; ) {
    const page: { chunks: { start: number; end: number; url: string }[]; next?: number | undefined } = await ask(
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
const readSession = (id: string) => ask(SessionDetails, 'GET', `/api/sessions/${id}`);

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

/** What still keeps the text from being whole. */
function Standing({
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
          {WAITS[session.waitingFor.reason]} It goes on by itself at {dateTime(session.waitingFor.until)} at the latest.
        </p>
      </Notice>
    );
  if (!session.live && pending > 0 && session.state === 'completed')
    return (
      <Notice>
        <p>This recording is stored. The next batch transcribes it, or you have it done now.</p>
        <button type="button" class="button" onClick={transcribeNow}>
          Transcribe now
        </button>
      </Notice>
    );
  if (isFinal) return null;
  const said =
    session.state === 'recording'
      ? 'It is being recorded; the text grows.'
      : pending > 0
        ? `${plural(pending, 'chunk')} still to be transcribed.`
        : 'The text is being put together.';
  return (
    <Notice tone="busy">
      <p>
        {said}
        {missing > 0 && ` ${plural(missing, 'chunk')} not uploaded yet.`}
      </p>
      <span class="spinner" />
    </Notice>
  );
}

/** A recording: its sound and its text. */
export function SessionPage({ id }: { readonly id: string }) {
  const [round, setRound] = useState(0);
  const [failed, setFailed] = useState('');
  const { ask: question, dialog } = useQuestion();
  const [hasArrived, setArrived] = useState(false);
  const { transcript, error, isGivenUp } = useLiveText(hasArrived ? id : undefined, round);
  const isFinal = transcript?.final === true;
  const session = useLoaded(`session ${id} ${isFinal} ${round}`, () => readSession(id), isFinal ? undefined : REFRESH);
  const last = useRef<Session | undefined>(undefined);
  last.current = session.value ?? last.current;
  const known = last.current;
  const arrived = (known?.chunks.length ?? 0) > 0;
  useEffect(() => setArrived(arrived), [arrived]);
  const chunkCount = transcript?.chunks.length ?? 0;
  const peaks = useLoaded(`peaks ${id} ${chunkCount}`, () => ask(Peaks, 'GET', `/api/sessions/${id}/peaks`));
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
      (why: unknown) => setFailed(inWords(why)),
    );
  }, []);
  const saveEdit = async (place: { start: number; end: number }, text: string | undefined): Promise<void> => {
    await changeEdits(id, (all: readonly Edit[]) => withEdit(all, place, text));
    setRound((now) => now + 1);
  };
  const gapAction = useCallback(
    ({ chunkNumber }: Gap) =>
      chunkNumber !== undefined && known?.chunks.some((chunk) => chunk.chunkNumber === chunkNumber && chunk.state === 'dead')
        ? {
            label: 'Try again',
            run: () => attempt(() => ask(Retried, 'POST', `/api/sessions/${id}/chunks/${chunkNumber}/retry`)),
          }
        : undefined,
    [id, known, attempt],
  );
  const transcribeNow = (): void => {
    const end = Math.max(1, known?.chunks.reduce((sum, chunk) => sum + (chunk.durationSeconds ?? 30), 0) ?? 1);
    attempt(() => ask(RangeJob, 'POST', `/api/sessions/${id}/transcript/ranges`, { start: 0, end }));
  };
  const remove = (): void =>
    question({
      title: 'Delete this recording?',
      text: 'Its audio, its text and everything about it are deleted for ever.',
      button: 'Delete',
      yes: () =>
        void tell('DELETE', `/api/sessions/${id}`).then(
          () => go('sessions'),
          (why: unknown) => setFailed(inWords(why)),
        ),
    });

  if (known === undefined)
    return session.error ? <Failed what={session.error} again={() => void session.again()} /> : <Loading what="The recording" />;
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
          <button type="button" class="button quiet danger icon" aria-label="Delete this recording" onClick={remove}>
            <Icon name="trash" />
          </button>
        </div>
      </div>
      {dialog}
      {failed && <Failed what={failed} />}
      <Standing session={known} isFinal={isFinal} transcribeNow={transcribeNow} />
      {isGivenUp && <Failed what={NOTHING_NEW} again={() => setRound(round + 1)} />}
      {error && !transcript && <Failed what={error} again={() => setRound(round + 1)} />}
      {transcript === undefined && !error && arrived && <Loading what="The text" />}
      {!arrived && (
        <Empty icon="clock">
          <p>No sound has arrived yet.</p>
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
