import type { SettingsRow } from '../contracts/rows.ts';

export interface SettingsStore {
  get(userId: string): Promise<SettingsRow | undefined>;
  /** Puts `row` in the place of this version; false when another one is there. */
  put(row: SettingsRow, overVersion: number | undefined): Promise<boolean>;
  /** Notes how far a version is applied: up to a cursor, or (undefined) wholly. Nothing happens to another version. */
  noteApplied(userId: string, version: number, cursor: string | undefined): Promise<void>;
}
