import { json, type Reply } from '../runtime/endpoint.ts';

/** What anybody may know without a token: that the service answers, and which stage it is. */
export const buildHandler = (stage: string) => async (): Promise<Reply> => json(200, { status: 'ok', stage });
