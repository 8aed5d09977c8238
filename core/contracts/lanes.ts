/** Lanes in the order in which workers serve them. Each lane is a queue of its own, because SQS has no priorities. */
export const LANES = ['stop', 'live', 'files-urgent', 'files', 'backlog'] as const;
export type Lane = (typeof LANES)[number];
