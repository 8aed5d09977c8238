import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Failed, Loading, NOTHING_NEW, Tag } from '../ui/parts.tsx';
import { editAt } from './edits.ts';
import { RetranscribeDialog } from './retranscribe-dialog.tsx';
import type { Session } from './session-chunks.ts';
import { SessionNotes } from './session-notes.tsx';
import { Facts, MissingNotice, StatusNotice } from './session-status.tsx';
import { TranscriptView } from './transcript-view.tsx';
import { type SessionView, useSession } from './use-session.ts';
import { useSessionActions } from './use-session-actions.ts';

interface HeaderProps {
  readonly session: Session;
  /** Status of the final text; undefined before. */
  readonly status: 'completed' | 'partial' | undefined;
  retranscribe(): void;
  remove(): void;
}
function Header({ session, status, retranscribe, remove }: HeaderProps) {
  return (
    <div class="row apart">
      <div class="grow">
        <h1>{session.title ?? 'Recording'}</h1>
        <Facts session={session} />
      </div>
      <div class="row">
        {status && <Tag tone={status === 'completed' ? 'good' : 'warn'}>{status === 'completed' ? 'complete' : 'with gaps'}</Tag>}
        {session.state === 'completed' && !session.retranscribing && (
          <a class="button" href={pathTo('record', session.id)}>
            Go on recording
          </a>
        )}
        {status && session.state === 'completed' && !session.retranscribing && (
          <button type="button" class="button" onClick={retranscribe}>
            Transcribe again
          </button>
        )}
        <button type="button" class="button quiet danger icon" aria-label="Delete this recording" onClick={remove}>
          <Icon name="trash" />
        </button>
      </div>
    </div>
  );
}

/** Why there is no text, or no newer one. */
function TextState({ text: { transcript, error, hasStopped }, hasChunks, refresh }: SessionView) {
  return (
    <>
      {hasStopped && <Failed what={NOTHING_NEW} retry={refresh} />}
      {error && !transcript && <Failed what={error} retry={refresh} />}
      {transcript === undefined && !error && hasChunks && <Loading what="The text" />}
      {!hasChunks && (
        <Empty icon="clock">
          <p>No audio has been uploaded yet.</p>
        </Empty>
      )}
    </>
  );
}

/** A recording: its audio and text. */
export function SessionPage({ id }: { readonly id: string }) {
  const view = useSession(id);
  const actions = useSessionActions(id, view);
  const [isDialogOpen, setDialogOpen] = useState(false);
  const { session, loaded, isFinal, edits, peaks, player } = view;
  const { transcript } = view.text;
  if (session === undefined)
    return loaded.error ? <Failed what={loaded.error} retry={() => void loaded.reload()} /> : <Loading what="The recording" />;
  return (
    <>
      <Header
        session={session}
        status={isFinal ? transcript?.status : undefined}
        retranscribe={() => setDialogOpen(true)}
        remove={actions.remove}
      />
      {actions.confirmation}
      {isDialogOpen && (
        <RetranscribeDialog
          model={session.model}
          language={session.language}
          submit={actions.retranscribe}
          close={() => setDialogOpen(false)}
        />
      )}
      {actions.failure && <Failed what={actions.failure} />}
      {isFinal && transcript && <MissingNotice transcript={transcript} />}
      <StatusNotice session={session} isFinal={isFinal} transcribeNow={actions.transcribeNow} />
      <TextState {...view} />
      <SessionNotes id={id} player={player} version={`${isFinal} ${session.statistics.known}`} />
      {transcript && (
        <TranscriptView
          transcript={transcript}
          player={player}
          peaks={peaks}
          name={session.title ?? id}
          load={(format) => api.bytes('GET /api/sessions/{id}/transcript', { path: { id }, query: { format } })}
          editing={{ ...actions.speakers, text: { editAt: (word) => editAt(edits, word), save: actions.saveEdit } }}
          gapAction={actions.gapAction}
        />
      )}
    </>
  );
}
