import type { SettingsRow } from '../contracts/rows.ts';

export interface SettingsStore {
  get(userId: string): Promise<SettingsRow | undefined>;
  /** Replaces this version with `row`; false if the stored version is another one. */
  put(row: SettingsRow, overVersion: number | undefined): Promise<boolean>;
  /** Notes that a version has been applied to all sessions. No effect if another version is stored. */
  noteApplied(userId: string, version: number): Promise<void>;
  /** Notes how far a version has been applied. Changes the row even if the cursor is the same. No effect on another version. */
  noteReached(userId: string, version: number, cursor: string | undefined): Promise<void>;
}
