import { DeadChunks, Job, LockStatus, Retried } from '../../../core/contracts/answers.ts';
import { ask, tell } from '../api/client.ts';
import { pathTo } from '../route.ts';
import { dateTime } from '../ui/format.ts';
import { Failed, TableBox } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import type { Act, OverviewView } from './now.tsx';

const REFRESH = { everySeconds: 10 };

/** Chunks that are given up: nothing is started for them again until somebody says so. */
export function Dead({ act }: { readonly act: Act }) {
  const loaded = useLoaded('dead', () => ask(DeadChunks, 'GET', '/api/overview/dead-chunks'), REFRESH);
  const dead = loaded.value?.dead ?? [];
  return (
    <section class="card" aria-labelledby="dead-title">
      <h2 id="dead-title">Chunks given up</h2>
      {loaded.error && <Failed what={loaded.error} again={() => void loaded.again()} />}
      {dead.length === 0 && !loaded.error && <p class="soft">None.</p>}
      {dead.length > 0 && (
        <TableBox label="Table of chunks given up">
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
                      <a href={pathTo('sessions', sessionId)}>{chunkNumber} of a recording</a>
                    ) : (
                      `part ${chunkNumber} of a file`
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
                            await ask(Retried, 'POST', `/api/sessions/${sessionId}/chunks/${chunkNumber}/retry`);
                            await loaded.again();
                          }, 'It gets three new attempts.')
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

/** Who records now, and so holds the batch back. */
export function Locks({ act }: { readonly act: Act }) {
  const loaded = useLoaded('locks', () => ask(LockStatus, 'GET', '/api/batch/lock-status'), REFRESH);
  const locks = loaded.value?.locks ?? [];
  return (
    <section class="card" aria-labelledby="locks-title">
      <h2 id="locks-title">Recordings under way</h2>
      {loaded.error && <Failed what={loaded.error} again={() => void loaded.again()} />}
      {locks.length === 0 && !loaded.error && <p class="soft">None: the batch is free to run.</p>}
      <ul class="stack">
        {locks.map(({ sessionId, timestamp, expiresAt }) => (
          <li class="row apart" key={sessionId} data-testid="lock">
            <span>
              <a href={pathTo('sessions', sessionId)}>Since {dateTime(timestamp)}</a>
              <span class="small soft"> · the lock ends {dateTime(expiresAt)} unless it is renewed</span>
            </span>
            <button
              type="button"
              class="button"
              onClick={() =>
                act(async () => {
                  await tell('DELETE', `/api/batch/locks/${sessionId}`);
                  await loaded.again();
                }, 'The lock is released; the recording goes on.')
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

/** Jobs of which nothing moves. */
export function Stuck({ overview, act }: { readonly overview: OverviewView; readonly act: Act }) {
  return (
    <section class="card" aria-labelledby="stuck-title">
      <h2 id="stuck-title">Files that do not move</h2>
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
              onClick={() => act(() => ask(Job, 'POST', `/api/transcriptions/${id}/cancel`, {}), 'It is cancelled.')}
            >
              Cancel
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
