import { useCallback } from 'preact/hooks';
import { api } from '../api/client.ts';
import { config } from '../config.ts';
import { go } from '../route.ts';
import { useConfirmation } from '../ui/parts.tsx';
import { useAction } from '../ui/use-action.ts';
import { changeEdits, withEdit } from './edits.ts';
import type { RetranscribeOptions } from './retranscribe-dialog.tsx';
import type { KnownVoices } from './speaker-dialog.tsx';
import type { SessionView } from './use-session.ts';
import type { Gap } from './words.ts';

/** Assumed for chunks whose duration is not known yet. */
const CHUNK_SECONDS = 30;

interface Span {
  readonly start: number;
  readonly end: number;
}

const knownVoices = (id: string): KnownVoices => ({
  suggestions: async () => (await api('GET /api/sessions/{id}/speaker-suggestions', { path: { id } })).suggestions,
  remember: async (speaker) => void (await api('POST /api/known-voices', { body: { sessionId: id, speaker } })),
});

/** What the user can do with a recording. `failure` is the message of the last action if it failed. */
export function useSessionActions(id: string, { session, loaded, refresh }: SessionView) {
  const { failure, run } = useAction();
  const { confirm, dialog } = useConfirmation();
  const path = { id };
  /** Retries the chunk of a gap, if it has permanently failed. */
  const gapAction = useCallback(
    ({ chunkNumber: n }: Gap) => {
      const isDead = session?.chunks.some(({ chunkNumber, state }) => chunkNumber === n && state === 'dead');
      if (n === undefined || !isDead) return undefined;
      const retry = () => api('POST /api/sessions/{id}/chunks/{n}/retry', { path: { id, n } });
      return { label: 'Try again', run: () => run(retry, refresh) };
    },
    [id, session, run, refresh],
  );
  return {
    failure,
    confirmation: dialog,
    gapAction,
    async saveEdit(span: Span, text: string | undefined): Promise<void> {
      await changeEdits(id, (all) => withEdit(all, span, text));
      refresh();
    },
    speakers: {
      async nameSpeaker(speaker: string, name: string): Promise<void> {
        await api('PUT /api/sessions/{id}/speakers', { path, body: { speaker, name } });
        refresh();
      },
      async assignSpeaker({ start, end }: Span, speaker: string): Promise<void> {
        await api('POST /api/sessions/{id}/speakers/assign', { path, body: { start, end, speaker } });
        refresh();
      },
      voices: config().knownVoices ? knownVoices(id) : undefined,
    },
    async retranscribe(body: RetranscribeOptions): Promise<void> {
      await api('POST /api/sessions/{id}/retranscribe', { path, body });
      await loaded.reload();
    },
    transcribeNow(): void {
      const seconds = session?.chunks.reduce((sum, chunk) => sum + (chunk.durationSeconds ?? CHUNK_SECONDS), 0) ?? 1;
      const body = { start: 0, end: Math.max(1, seconds) };
      run(() => api('POST /api/sessions/{id}/transcript/ranges', { path, body }), refresh);
    },
    remove: (): void =>
      confirm({
        title: 'Delete this recording?',
        text: 'Its audio, its text and all other data are permanently deleted.',
        button: 'Delete',
        yes: () =>
          run(
            () => api('DELETE /api/sessions/{id}', { path }),
            () => go('sessions'),
          ),
      }),
  };
}
