import { useState } from 'preact/hooks';
import type * as z from 'zod';
import { SessionList, type Session as SessionSchema } from '../../../core/contracts/answers.ts';
import { ask, inWords } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { dateTime, span } from '../ui/format.ts';
import { Empty, Failed, Loading, NOTHING_NEW, Tag } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';

type Session = z.infer<typeof SessionSchema>;
const REFRESH = { everySeconds: 5, tires: true };
const PAGE = 50;

function State({ session }: { readonly session: Session }) {
  if (session.state === 'recording') return <Tag tone="busy">recording</Tag>;
  if (session.transcriptStatus === 'completed') return <Tag tone="good">complete</Tag>;
  if (session.transcriptStatus === 'partial') return <Tag tone="warn">with gaps</Tag>;
  return <Tag tone="busy">{session.live ? 'being transcribed' : 'waits for the batch'}</Tag>;
}

const about = (session: Session): string => {
  const length =
    session.completedAt === undefined ? undefined : (Date.parse(session.completedAt) - Date.parse(session.createdAt)) / 1000;
  return [dateTime(session.createdAt), length === undefined ? '' : span(length), session.abandoned ? 'closed by itself' : '']
    .filter(Boolean)
    .join(' · ');
};

/** All recordings of the caller, newest first. */
export function LibraryPage() {
  const [older, setOlder] = useState<{ sessions: readonly Session[]; cursor: string | undefined } | undefined>();
  const [moreError, setMoreError] = useState('');
  const newest = useLoaded('sessions', () => ask(SessionList, 'GET', `/api/sessions?limit=${PAGE}`), REFRESH);
  const cursor = older === undefined ? newest.value?.cursor : older.cursor;
  const more = async (): Promise<void> => {
    try {
      const page = await ask(SessionList, 'GET', `/api/sessions?limit=${PAGE}&cursor=${encodeURIComponent(cursor ?? '')}`);
      setOlder({ sessions: [...(older?.sessions ?? []), ...page.sessions], cursor: page.cursor });
      setMoreError('');
    } catch (error) {
      setMoreError(inWords(error));
    }
  };
  const first = newest.value?.sessions ?? [];
  const known = new Set(first.map(({ id }) => id));
  const sessions = [...first, ...(older?.sessions ?? []).filter(({ id }) => !known.has(id))];
  return (
    <>
      <h1>Recordings</h1>
      {newest.isGivenUp && <Failed what={NOTHING_NEW} again={() => void newest.again()} />}
      {newest.error && <Failed what={newest.error} again={() => void newest.again()} />}
      {newest.value === undefined && !newest.error && <Loading what="The list" />}
      {newest.value !== undefined && sessions.length === 0 && (
        <Empty icon="mic">
          <p>There is no recording yet.</p>
          <a class="button primary" href="#/record">
            Make the first one
          </a>
        </Empty>
      )}
      {sessions.length > 0 && (
        <ul class="list">
          {sessions.map((session) => (
            <li key={session.id}>
              <a class="list-link" href={pathTo('sessions', session.id)}>
                <strong class="cut">{session.title ?? 'Recording'}</strong>
                <State session={session} />
                <span class="small soft">{about(session)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {moreError && <Failed what={moreError} />}
      {cursor !== undefined && (
        <button type="button" class="button" onClick={() => void more()}>
          Older recordings
        </button>
      )}
    </>
  );
}
