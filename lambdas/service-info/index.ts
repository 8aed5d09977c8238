import { parseEnv } from '../runtime/parse-env.ts';
import { buildHandler } from './handler.ts';

export const handler = buildHandler(parseEnv('STAGE').STAGE);
