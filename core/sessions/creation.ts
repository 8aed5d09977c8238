import type * as z from 'zod';
import type { CreateSession, RecordingDefaults } from '../contracts/http.ts';
import type { SessionRow } from '../contracts/rows.ts';
import { DomainError } from '../errors.ts';
import { admitSpeakers, recordedOf, separateOf, speakerNumbersOf } from '../recording-options.ts';
import { admitChoice } from './model-choice.ts';
import type { RecordingDefaultsStore, SessionStore } from './ports.ts';
import { newSession } from './session.ts';

/** Dependencies of new sessions, and settings of the stage. */
export interface CreationDeps {
  readonly sessions: Pick<SessionStore, 'create'>;
  readonly defaults: Pick<RecordingDefaultsStore, 'get'>;
  readonly wake: () => Promise<void>;
  readonly newUlid: () => string;
  readonly nowMs: () => number;
  readonly liveDefault: boolean;
  /** Models of the stage; the first is the default. */
  readonly models: readonly string[];
  /** Whether the stage's workers have a speaker model. */
  readonly canDiarize: boolean;
}

/** The texts that are not empty. */
const nonEmpty = ({ prompt, hotwords }: RecordingDefaults): RecordingDefaults => ({
  ...(prompt && { prompt }),
  ...(hotwords && { hotwords }),
});

/** Creates a session. @throws DomainError `invalid` for options that the stage does not offer */
export async function createSession(
  deps: CreationDeps,
  userId: string,
  options: z.infer<typeof CreateSession>,
): Promise<SessionRow> {
  if (options.diarize && !deps.canDiarize)
    throw new DomainError('invalid', 'this stage has no speaker model; send segments of a diarizer to …/speakers instead');
  admitSpeakers(options);
  admitChoice({ language: options.language }, deps.models, false);
  const live = options.live ?? deps.liveDefault;
  const { channels, recordedAt, prompt, hotwords, minSpeakers: _min, maxSpeakers: _max, ...plain } = options;
  const texts = {
    ...(await deps.defaults.get(userId)),
    ...(prompt !== undefined && { prompt }),
    ...(hotwords !== undefined && { hotwords }),
  };
  const speakers = { ...speakerNumbersOf(options), ...separateOf(channels) };
  const row = { ...plain, live, ...speakers, ...recordedOf(recordedAt), ...nonEmpty(texts) };
  const session = newSession(row, userId, deps.newUlid(), deps.nowMs());
  await deps.sessions.create(session);
  if (live) await deps.wake(); // the machine boots while the first chunk is recorded
  return session;
}
