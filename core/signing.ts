/** Presigned requests to the bucket: what is signed, and what the client gets. */

/** What a client declares about a chunk when it requests the upload URL. */
export interface ChunkDeclaration {
  readonly durationSeconds?: number | undefined;
  readonly startedAtMs?: number | undefined;
  readonly overlapMs?: number | undefined;
}

/** Everything that a presigned URL allows the client to upload. */
export interface UploadToSign {
  readonly key: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly sha256?: string | undefined;
  /** Whether the upload may overwrite an existing object. */
  readonly overwrite: boolean;
  /** Stored as metadata of the object. */
  readonly declared: ChunkDeclaration;
  /** @default UPLOAD_URL_SECONDS */
  readonly expiresInSeconds?: number;
}

/** A request with which the client uploads. */
export interface SignedUpload {
  readonly method: 'PUT';
  readonly url: string;
  /** Signed headers: the upload must send exactly these. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: string;
}

/** Presigns an upload in one piece. */
export type SignUpload = (upload: UploadToSign) => Promise<SignedUpload>;

/** Presigns the upload of one part. */
export type SignPart = (key: string, uploadId: string, partNumber: number, sizeBytes: number) => Promise<SignedUpload>;

/** Presigns a download, which is valid for DOWNLOAD_URL_SECONDS. */
export type SignDownload = (key: string) => Promise<string>;

/** Stores a copy of a text that is too large for a response, for a day. */
export type StoreExport = (key: string, content: string | Uint8Array, contentType: string) => Promise<void>;
