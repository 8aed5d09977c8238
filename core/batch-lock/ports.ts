import type { GateRow, LeaseRow } from '../contracts/batch.ts';

/** A change of leases together with the gate; it happens whole, or not at all when the gate has changed meanwhile. */
export interface LockChange {
  readonly gate: { readonly from: GateRow; readonly to: GateRow };
  readonly put?: LeaseRow;
  readonly remove?: readonly LeaseRow[];
}

export interface LockStore {
  /** Strongly consistent, as all reads here. */
  readGate(): Promise<GateRow>;
  lease(sessionId: string): Promise<LeaseRow | undefined>;
  leases(): Promise<LeaseRow[]>;
  commit(change: LockChange): Promise<'committed' | 'conflict'>;
}
