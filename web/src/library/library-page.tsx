import type { CallResult } from '../../../core/contracts/calls/client.ts';
import { recordedOr } from '../../../core/contracts/recorded.ts';
import { api } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { dateTime, span } from '../ui/format.ts';
import { LoadState } from '../ui/load-state.tsx';
import { OlderButton } from '../ui/older-button.tsx';
import { OrderField, useOrder } from '../ui/order.tsx';
import { Empty, Tag } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { type ListPage, useOlder } from '../ui/use-older.ts';

type Session = CallResult<'GET /api/sessions'>['sessions'][number];
const REFRESH = { everySeconds: 5, backsOff: true };
const PAGE = 50;

function State({ session }: { readonly session: Session }) {
  if (session.state === 'recording') return <Tag tone="busy">recording</Tag>;
  if (session.transcriptStatus === 'completed') return <Tag tone="good">complete</Tag>;
  if (session.transcriptStatus === 'partial') return <Tag tone="warn">with gaps</Tag>;
  return <Tag tone="busy">{session.live ? 'being transcribed' : 'waiting for the batch'}</Tag>;
}

const about = (session: Session): string => {
  const length =
    session.completedAt === undefined ? undefined : (Date.parse(session.completedAt) - Date.parse(session.createdAt)) / 1000;
  return [
    dateTime(recordedOr(session)),
    length === undefined ? '' : span(length),
    session.abandoned ? 'closed automatically' : '',
  ]
    .filter(Boolean)
    .join(' · ');
};

async function pageOf(after?: string): Promise<ListPage<Session>> {
  const { sessions, cursor } = await api('GET /api/sessions', { query: { limit: PAGE, cursor: after } });
  return { items: sessions, cursor };
}

/** All recordings of the user. */
export function LibraryPage() {
  const newest = useLoaded('sessions', () => pageOf(), REFRESH);
  const older = useOlder(newest.value, pageOf);
  const { items: sessions, ...order } = useOrder(older);
  const { hasMore } = older;
  return (
    <>
      <h1>Recordings</h1>
      <LoadState loaded={newest} what="The list" />
      {newest.value !== undefined && sessions.length === 0 && !hasMore && (
        <Empty icon="mic">
          <p>No recordings yet.</p>
          <a class="button primary" href="#/record">
            Record the first one
          </a>
        </Empty>
      )}
      {sessions.length > 1 && <OrderField {...order} />}
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
      <OlderButton {...older} label="Older recordings" />
    </>
  );
}
