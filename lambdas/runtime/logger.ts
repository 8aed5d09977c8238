import { Logger } from '@aws-lambda-powertools/logger';

/** Structured logs of all functions. Ids only: no transcript text, token or signed URL ever goes in. */
export const logger = new Logger({ serviceName: 'chunkscribe' });
