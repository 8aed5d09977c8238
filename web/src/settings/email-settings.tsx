import { useState } from 'preact/hooks';
import type { CallInput } from '../../../core/contracts/calls/client.ts';
import { api, errorMessage } from '../api/client.ts';
import { LoadState } from '../ui/load-state.tsx';
import { useLoaded } from '../ui/use-loaded.ts';

/** Which emails the user gets. A change is saved at once. */
export function EmailSettings() {
  const loaded = useLoaded('notifications', () => api('GET /api/notifications'));
  const [message, setMessage] = useState('');
  const { value } = loaded;
  const set = (part: CallInput<'PUT /api/notifications'>['body']): void => {
    api('PUT /api/notifications', { body: part }).then(
      () => {
        setMessage('Saved.');
        void loaded.reload();
      },
      (error: unknown) => setMessage(errorMessage(error)),
    );
  };
  return (
    <section class="card" aria-labelledby="mail-title">
      <h2 id="mail-title">Email</h2>
      <LoadState loaded={loaded} />
      {value && (
        <>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.sessionCompleted}
              onChange={({ currentTarget }) => set({ sessionCompleted: currentTarget.checked })}
            />
            <span>Email me when the batch has completed one of my recordings</span>
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={value.fileCompleted}
              onChange={({ currentTarget }) => set({ fileCompleted: currentTarget.checked })}
            />
            <span>Email me when one of my files is transcribed or has failed</span>
          </label>
        </>
      )}
      <p class="small soft" role="status">
        {message}
      </p>
    </section>
  );
}
