/** Uploads of files that are under way on this device: they go on after a reload, where the browser could keep the file. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

export interface StoredUpload {
  readonly id: string;
  readonly userId: string;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
  readonly language?: string | undefined;
  readonly priority: 'normal' | 'urgent';
  readonly diarize: boolean;
  /** Once the server knows it. */
  readonly jobId?: string | undefined;
  readonly startedAtMs: number;
}

interface Schema extends DBSchema {
  uploads: { key: string; value: StoredUpload };
  files: { key: string; value: File };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;
const database = (): Promise<IDBPDatabase<Schema>> => {
  opened ??= openDB<Schema>('chunkscribe-uploads', 1, {
    upgrade(db) {
      db.createObjectStore('uploads', { keyPath: 'id' });
      db.createObjectStore('files');
    },
    terminated() {
      opened = undefined;
    },
  });
  return opened;
};

export const putUpload = async (upload: StoredUpload): Promise<void> => void (await (await database()).put('uploads', upload));
export const uploadsOf = async (userId: string): Promise<StoredUpload[]> =>
  (await (await database()).getAll('uploads'))
    .filter((upload) => upload.userId === userId)
    .sort((a, b) => a.startedAtMs - b.startedAtMs);
export const fileOf = async (id: string): Promise<File | undefined> => (await database()).get('files', id);

/** The share of the free room that one file may take; larger ones are asked for again after a reload. */
const SHARE = 0.5;
export async function keepFile(id: string, file: File): Promise<void> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  if (file.size > SHARE * (quota - usage)) return;
  await (await database()).put('files', file, id).catch(() => undefined);
}

export async function dropUpload(id: string): Promise<void> {
  const tx = (await database()).transaction(['uploads', 'files'], 'readwrite');
  await Promise.all([tx.objectStore('uploads').delete(id), tx.objectStore('files').delete(id)]);
  await tx.done;
}
