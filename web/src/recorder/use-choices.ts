/** The choices for a recording, which stay on this device for the next one. */
import { useState } from 'preact/hooks';
import * as z from 'zod';
import { config } from '../config.ts';
import { canCaptureComputer } from './microphone.ts';

const Choices = z.object({
  deviceId: z.string().default(''),
  language: z.string().default(''),
  live: z.boolean().optional(),
  diarize: z.boolean().default(false),
  withComputer: z.boolean().default(false),
});
type Choices = z.infer<typeof Choices>;
const CHOICES = 'chunkscribe-recorder';
function lastChoices(): Choices {
  try {
    return Choices.parse(JSON.parse(localStorage.getItem(CHOICES) ?? '{}'));
  } catch {
    return Choices.parse({});
  }
}

/** The last choices, limited to what the stage supports, and a function that changes and stores them. */
export function useChoices() {
  const [choices, setChoices] = useState(lastChoices);
  const { liveDefault, canDiarize } = config();
  const change = (part: Partial<Choices>): void => {
    const next = { ...choices, ...part };
    setChoices(next);
    localStorage.setItem(CHOICES, JSON.stringify(next));
  };
  const { deviceId, language, live = liveDefault } = choices;
  const withComputer = choices.withComputer && canCaptureComputer();
  return { deviceId, language, live, diarize: canDiarize && choices.diarize, withComputer, change };
}
