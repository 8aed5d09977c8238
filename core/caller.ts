import { DomainError } from './errors.ts';

/** The user who makes a request. */
export interface Caller {
  readonly userId: string;
  readonly isAdmin: boolean;
}

/** @throws DomainError `forbidden` for users who are not admins */
export function adminOnly({ isAdmin }: Caller): void {
  if (!isAdmin) throw new DomainError('forbidden', 'only members of the group admin may do this');
}
