import { join } from 'node:path';
import { PROTOCOL_MODEL } from './protocol-model.ts';

/** Speech in the protocol model's vocabulary. The shipped sample of host/known-recording.ts needs a published model. */
export const SAMPLE = join(PROTOCOL_MODEL, 'samples', 'sample-125s.webm');
