import { join } from 'node:path';
import { PROJECT } from '../../host/paths.ts';

/** A model of 110 words for tests and benchmarks that do not measure transcription quality. It loads at once, without a download. */
export const PROTOCOL_MODEL = join(PROJECT, 'test', 'fixtures', 'protocol.en');
