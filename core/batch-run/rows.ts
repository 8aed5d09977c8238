/** Initial values of rows that have not been written yet. */
import type { BatchStateRow, GateRow } from '../contracts/batch.ts';

export const emptyGate = (): GateRow => ({ kind: 'gate', id: 'gate', epoch: 0, live_until_ms: 0 });
export const emptyState = (): BatchStateRow => ({
  kind: 'state',
  id: 'state',
  version: 0,
  active_runs: [],
  is_paused: false,
  full_audit_at_ms: 0,
  full_audit_sessions: 0,
});
