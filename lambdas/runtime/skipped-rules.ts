import type { OnSkipped } from '../../core/corrections/settings.ts';
import { logger } from './logger.ts';

/** Logs the correction rules of a user that were not applied. */
export const logSkipped: OnSkipped = (userId, rules) =>
  logger.warn('skipped correction rules that are invalid or take too long', { userId, rules });
