import { Logger } from '@aws-lambda-powertools/logger';

/** Structured logger of all functions. Log ids only: never transcript text, tokens or signed URLs. */
export const logger = new Logger({ serviceName: 'chunkscribe' });
