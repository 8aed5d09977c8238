import { api } from '../api/client.ts';
import { dateTime } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { LoadState } from '../ui/load-state.tsx';
import { useConfirmation } from '../ui/parts.tsx';
import { useAction } from '../ui/use-action.ts';
import { useLoaded } from '../ui/use-loaded.ts';

/** Lists the voices that the user has saved, and deletes them. */
export function KnownVoices() {
  const loaded = useLoaded('known voices', () => api('GET /api/known-voices'));
  const { failure, run } = useAction();
  const { confirm, dialog } = useConfirmation();
  const voices = loaded.value?.voices ?? [];
  const remove = (what: string, work: () => Promise<unknown>): void =>
    confirm({
      title: `Delete ${what}?`,
      text: 'Transcripts no longer suggest the name. Names that you have given stay.',
      button: 'Delete',
      yes: () => run(work, () => void loaded.reload()),
    });
  return (
    <section class="card" aria-labelledby="voices-title">
      <h2 id="voices-title">Known voices</h2>
      <p class="small soft">
        Transcripts suggest these names for speakers who sound alike. To add one, select the name of a speaker in a transcript,
        then “Remember this voice”.
      </p>
      <LoadState loaded={loaded} />
      {dialog}
      <ul class="notes">
        {voices.map(({ id, name, savedAt }) => (
          <li key={id} class="row apart">
            <span>
              {name} <span class="small soft">{dateTime(savedAt)}</span>
            </span>
            <button
              type="button"
              class="button quiet danger icon"
              aria-label={`Delete the voice of ${name}`}
              onClick={() => remove(`the voice of ${name}`, () => api('DELETE /api/known-voices/{id}', { path: { id } }))}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      {loaded.value && voices.length === 0 && <p class="soft">No voice is saved.</p>}
      {voices.length > 1 && (
        <div>
          <button type="button" class="button" onClick={() => remove('all known voices', () => api('DELETE /api/known-voices'))}>
            Delete all
          </button>
        </div>
      )}
      <p class="small soft" role="status">
        {failure}
      </p>
    </section>
  );
}
