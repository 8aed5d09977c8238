import { Logger } from '@aws-lambda-powertools/logger';
import type { Warn } from '../../core/warn.ts';

/** Structured logger of all functions. Log ids only: never transcript text, tokens or signed URLs. */
export const logger = new Logger({ serviceName: 'chunkscribe' });

/** Logs errors that do not fail a call. */
export const warn: Warn = (message, error) => logger.warn(message, error as Error);
