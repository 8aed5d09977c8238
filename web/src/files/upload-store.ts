/** Stores unfinished file uploads on this device. They continue after a reload if the browser could store the file. */
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
  readonly minSpeakers?: number | undefined;
  readonly maxSpeakers?: number | undefined;
  /** Undefined in uploads of older versions. */
  readonly separate?: boolean | undefined;
  /** Undefined until the server has created the job. */
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

/** Largest share of the free storage for one file. After a reload the user has to choose larger files again. */
const MAX_STORAGE_SHARE = 0.5;
export async function keepFile(id: string, file: File): Promise<void> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  if (file.size > MAX_STORAGE_SHARE * (quota - usage)) return;
  await (await database()).put('files', file, id).catch(() => undefined);
}

export async function dropUpload(id: string): Promise<void> {
  const tx = (await database()).transaction(['uploads', 'files'], 'readwrite');
  await Promise.all([tx.objectStore('uploads').delete(id), tx.objectStore('files').delete(id)]);
  await tx.done;
}
