import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { useLoaded } from '../ui/use-loaded.ts';

/** What the model is told about a recording. */
export interface Told {
  readonly prompt: string;
  readonly hotwords: string;
}

/**
 * Prompt and hotwords of the next recording. `told` is what the fields show, at first the user's defaults; `chosen` is undefined
 * until the user has changed them, so that the server takes the defaults.
 */
export function useTold() {
  const defaults = useLoaded('recording-defaults', () => api('GET /api/recording-defaults'));
  const [chosen, setChosen] = useState<Told>();
  const { prompt = '', hotwords = '' } = defaults.value ?? {};
  const told = chosen ?? { prompt, hotwords };
  return {
    told,
    chosen,
    change: (part: Partial<Told>): void => setChosen({ ...told, ...part }),
    /** Whether the fields show the defaults. */
    isDefault: told.prompt === prompt && told.hotwords === hotwords,
    async saveAsDefaults(): Promise<void> {
      await api('PUT /api/recording-defaults', { body: told });
      await defaults.reload();
    },
  };
}
