/** Kinds of work in the order in which workers serve them; a queue each, because a queue has no front of its own. */
export const LANES = ['stop', 'live', 'files-urgent', 'files', 'backlog'] as const;
export type Lane = (typeof LANES)[number];
