import { api } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { dateTime } from '../ui/format.ts';
import { LoadState } from '../ui/load-state.tsx';
import { TableBox } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import type { Act, OverviewView } from './now.tsx';

const REFRESH = { everySeconds: 10 };

/** Permanently failed chunks. No machine is started for them until an admin retries them. */
export function FailedChunks({ act }: { readonly act: Act }) {
  const loaded = useLoaded('dead', () => api('GET /api/overview/dead-chunks'), REFRESH);
  const dead = loaded.value?.dead ?? [];
  return (
    <section class="card" aria-labelledby="dead-title">
      <h2 id="dead-title">Permanently failed chunks</h2>
      <LoadState loaded={loaded} />
      {dead.length === 0 && !loaded.error && <p class="soft">None.</p>}
      {dead.length > 0 && (
        <TableBox label="Table of permanently failed chunks">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Chunk</th>
                <th scope="col">Uploaded</th>
                <th scope="col">Reason</th>
                <th scope="col">
                  <span class="visually-hidden">Retry</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {dead.map(({ sessionId, chunkNumber, error, uploadedAt }) => (
                <tr key={`${sessionId} ${chunkNumber}`} data-testid="dead">
                  <th scope="row">
                    {sessionId.startsWith('session_') ? (
                      <a href={pathTo('sessions', sessionId)}>Chunk {chunkNumber}</a>
                    ) : (
                      `Part ${chunkNumber} of a file`
                    )}
                  </th>
                  <td>{dateTime(uploadedAt)}</td>
                  <td>{error}</td>
                  <td>
                    {sessionId.startsWith('session_') && (
                      <button
                        type="button"
                        class="button"
                        onClick={() =>
                          act(async () => {
                            await api('POST /api/sessions/{id}/chunks/{n}/retry', { path: { id: sessionId, n: chunkNumber } });
                            await loaded.reload();
                          }, 'The chunk gets three new attempts.')
                        }
                      >
                        Try again<span class="visually-hidden"> chunk {chunkNumber}</span>
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableBox>
      )}
    </section>
  );
}

/** Active recordings, which hold the batch lock. */
export function ActiveRecordings({ act }: { readonly act: Act }) {
  const loaded = useLoaded('locks', () => api('GET /api/batch/lock-status'), REFRESH);
  const locks = loaded.value?.locks ?? [];
  return (
    <section class="card" aria-labelledby="locks-title">
      <h2 id="locks-title">Active recordings</h2>
      <LoadState loaded={loaded} />
      {locks.length === 0 && !loaded.error && <p class="soft">None. The batch can run.</p>}
      <ul class="stack">
        {locks.map(({ sessionId, timestamp, expiresAt }) => (
          <li class="row apart" key={sessionId} data-testid="lock">
            <span>
              <a href={pathTo('sessions', sessionId)}>Since {dateTime(timestamp)}</a>
              <span class="small soft"> · the lock expires {dateTime(expiresAt)} unless it is renewed</span>
            </span>
            <button
              type="button"
              class="button"
              onClick={() =>
                act(async () => {
                  await api('DELETE /api/batch/locks/{id}', { path: { id: sessionId } });
                  await loaded.reload();
                }, 'The lock is released. The recording continues.')
              }
            >
              Release
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** File jobs without progress. */
export function StuckFiles({ overview, act }: { readonly overview: OverviewView; readonly act: Act }) {
  return (
    <section class="card" aria-labelledby="stuck-title">
      <h2 id="stuck-title">Stuck files</h2>
      {overview.stuckJobs.length === 0 && <p class="soft">None.</p>}
      <ul class="stack">
        {overview.stuckJobs.map(({ id, progress, movedAt }) => (
          <li class="row apart" key={id}>
            <a href={pathTo('files', id)}>
              At {progress.toFixed(0)} % since {dateTime(movedAt)}
            </a>
            <button
              type="button"
              class="button"
              onClick={() => act(() => api('POST /api/transcriptions/{id}/cancel', { path: { id } }), 'The file is cancelled.')}
            >
              Cancel
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
