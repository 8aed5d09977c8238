import type { GateRow, LeaseRow } from '../contracts/batch.ts';

/** A change of leases and of the gate in one transaction; it fails when the gate has changed since it was read. */
export interface LockChange {
  readonly gate: { readonly from: GateRow; readonly to: GateRow };
  readonly put?: LeaseRow;
  readonly remove?: readonly LeaseRow[];
}

/** Rows of the batch lock. Reads are strongly consistent; a gate that was never written has its initial value. */
export interface LockStore {
  readGate(): Promise<GateRow>;
  lease(sessionId: string): Promise<LeaseRow | undefined>;
  leases(): Promise<LeaseRow[]>;
  commit(change: LockChange): Promise<'committed' | 'conflict'>;
}
