import { useState } from 'preact/hooks';
import { api } from '../api/client.ts';
import { useLoaded } from '../ui/use-loaded.ts';

/** Prompt and hotwords of a recording. */
export interface Prompt {
  readonly prompt: string;
  readonly hotwords: string;
}

/**
 * Prompt and hotwords of the next recording. `texts` is what the fields show, at first the user's defaults; `chosen` is undefined
 * until the user has changed them, so that the server takes the defaults.
 */
export function usePrompt() {
  const defaults = useLoaded('recording-defaults', () => api('GET /api/recording-defaults'));
  const [chosen, setChosen] = useState<Prompt>();
  const { prompt = '', hotwords = '' } = defaults.value ?? {};
  const texts = chosen ?? { prompt, hotwords };
  return {
    texts,
    chosen,
    change: (part: Partial<Prompt>): void => setChosen({ ...texts, ...part }),
    /** Whether the fields show the defaults. */
    isDefault: texts.prompt === prompt && texts.hotwords === hotwords,
    async saveAsDefaults(): Promise<void> {
      await api('PUT /api/recording-defaults', { body: texts });
      await defaults.reload();
    },
  };
}
