import { gunzipSync, gzipSync } from 'node:zlib';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type * as z from 'zod';
import type { ChunkObjects, StoredObject } from '../../core/chunk-cache/ports.ts';
import { Edits } from '../../core/contracts/edits.ts';
import {
  chunkTranscriptKey,
  EXPORT_TAG,
  editsKey,
  joinedEndKey,
  joinedPartKey,
  liveKey,
  notesKey,
  parseChunkKey,
  type SessionPlace,
  sessionPrefix,
  transcriptKey,
} from '../../core/contracts/keys.ts';
import { DOWNLOAD_URL_SECONDS, UPLOAD_URL_SECONDS } from '../../core/contracts/limits.ts';
import { Notes } from '../../core/contracts/notes.ts';
import type { SessionRow } from '../../core/contracts/rows.ts';
import { SpeakerChanges } from '../../core/contracts/speakers.ts';
import { ChunkTranscript } from '../../core/contracts/transcript.ts';
import type { ChunkDeclaration, SignDownload, SignUpload, StoreExport } from '../../core/signing.ts';
import { iso } from '../../core/time.ts';
import type { ResultStore } from '../../core/transcripts/assemble.ts';
import type { JoinedPart, PartEnd } from '../../core/transcripts/joined-parts.ts';
import type { LiveDeps } from '../../core/transcripts/live.ts';
import type { NoteStore } from '../../core/transcripts/notes.ts';
import type { EditStore } from '../../core/transcripts/save-edits.ts';

export const etagOf = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '');

const placeOf = (session: SessionRow): SessionPlace => ({ userId: session.user_id, sessionId: session.session_id });
const keyOfTranscript = (session: SessionRow): string => transcriptKey(placeOf(session));

/** What a user has changed in a transcript. */
export const StoredChanges = Edits.extend({ speakers: SpeakerChanges.optional() });

/** S3 metadata of an upload. It is part of the signature, so a client can only send what it declared to the API. */
const METADATA_KEYS = { durationSeconds: 'duration-seconds', startedAtMs: 'started-at-ms', overlapMs: 'overlap-ms' } as const;
type MetadataName = keyof typeof METADATA_KEYS;
const METADATA_NAMES = Object.keys(METADATA_KEYS) as MetadataName[];

function parseMetadata(metadata: Record<string, string> | undefined): ChunkDeclaration | undefined {
  const declared: { -readonly [Name in MetadataName]?: number } = {};
  for (const name of METADATA_NAMES) {
    const value = Number(metadata?.[METADATA_KEYS[name]] ?? Number.NaN);
    if (Number.isFinite(value)) declared[name] = value;
  }
  return Object.keys(declared).length === 0 ? undefined : declared;
}

const metadataOf = (declared: ChunkDeclaration): Record<string, string> =>
  Object.fromEntries(
    METADATA_NAMES.flatMap((name) => (declared[name] === undefined ? [] : [[METADATA_KEYS[name], String(declared[name])]])),
  );

export async function headOf(s3: S3Client, bucket: string, key: string): Promise<HeadObjectCommandOutput | undefined> {
  try {
    return await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}

/** Deletes all objects whose keys start with this prefix. */
export async function deletePrefix(s3: S3Client, bucket: string, prefix: string): Promise<void> {
  for (;;) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    if (Contents.length === 0) return;
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Quiet: true, Objects: Contents.map(({ Key }) => ({ Key })) } }),
    );
    if (Errors.length > 0) throw new Error(`${Errors.length} objects could not be deleted: ${Errors[0]?.Code}`);
  }
}

export function s3ChunkObjects(s3: S3Client, bucket: string): ChunkObjects {
  return {
    async head(key) {
      const found = await headOf(s3, bucket, key);
      if (found === undefined) return undefined;
      return {
        key,
        etag: etagOf(found.ETag),
        sizeBytes: found.ContentLength ?? 0,
        modifiedAtMs: found.LastModified?.getTime() ?? 0,
        declared: parseMetadata(found.Metadata),
      };
    },

    async remove(key) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },

    removeAll: (place) => deletePrefix(s3, bucket, sessionPrefix(place)),

    async listChunks(place) {
      const found: { place: NonNullable<ReturnType<typeof parseChunkKey>>; object: StoredObject }[] = [];
      let token: string | undefined;
      do {
        const page = await s3.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: `${sessionPrefix(place)}chunk-`, ContinuationToken: token }),
        );
        for (const { Key: key = '', ETag, Size = 0, LastModified } of page.Contents ?? []) {
          const chunk = parseChunkKey(key);
          const object = { key, etag: etagOf(ETag), sizeBytes: Size, modifiedAtMs: LastModified?.getTime() ?? 0 };
          if (chunk !== undefined) found.push({ place: chunk, object });
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return found;
    },
  };
}

export const readText = async (s3: S3Client, bucket: string, key: string): Promise<string> => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString('utf8')) ?? '';
};

/**
 * Reads gzipped JSON that only this application writes, from validated results; it is not validated again. Undefined if there is
 * none.
 */
async function readStored<T>(s3: S3Client, bucket: string, key: string): Promise<T | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return JSON.parse(gunzipSync((await Body?.transformToByteArray()) ?? '').toString()) as T;
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

/** Reads JSON with the tag that replaces it; undefined if there is none. */
export async function readTagged<T extends object>(
  s3: S3Client,
  bucket: string,
  key: string,
  schema: z.ZodType<T>,
): Promise<(T & { readonly tag: string }) | undefined> {
  try {
    const { Body, ETag = '' } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return { ...schema.parse(JSON.parse((await Body?.transformToString('utf8')) ?? '')), tag: ETag };
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}

/** Writes JSON if the object's current ETag is `replaces` (undefined: if there is no object); returns false otherwise. */
export async function writeIf(
  s3: S3Client,
  bucket: string,
  key: string,
  content: unknown,
  replaces: string | undefined,
): Promise<boolean> {
  const condition = replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces };
  try {
    const object = { Bucket: bucket, Key: key, Body: JSON.stringify(content), ContentType: 'application/json' };
    await s3.send(new PutObjectCommand({ ...object, ...condition }));
    return true;
  } catch (error) {
    // 409: another conditional write of the same key is in progress.
    if (error instanceof S3ServiceException && [409, 412].includes(error.$metadata.httpStatusCode ?? 0)) return false;
    throw error;
  }
}

export function s3Results(s3: S3Client, bucket: string): ResultStore & EditStore & LiveDeps['results'] {
  return {
    readTranscript: (session) => readText(s3, bucket, keyOfTranscript(session)),

    readPart: (session, lastChunk) => readStored<JoinedPart>(s3, bucket, joinedPartKey(placeOf(session), lastChunk)),

    readPartEnd: (session, lastChunk) => readStored<PartEnd>(s3, bucket, joinedEndKey(placeOf(session), lastChunk)),

    async writePart(session, lastChunk, part, end) {
      const put = (Key: string, content: object) =>
        s3.send(
          new PutObjectCommand({ Bucket: bucket, Key, Body: gzipSync(JSON.stringify(content)), ContentType: 'application/gzip' }),
        );
      await put(joinedPartKey(placeOf(session), lastChunk), part);
      await put(joinedEndKey(placeOf(session), lastChunk), end);
    },

    readEdits: (session) => readTagged(s3, bucket, editsKey(placeOf(session)), StoredChanges),

    writeEdits: (session, edits, replaces) => writeIf(s3, bucket, editsKey(placeOf(session)), edits, replaces),

    async writeLive(session, Body) {
      const object = { Bucket: bucket, Key: liveKey(placeOf(session)), ContentType: 'application/json' };
      await s3.send(new PutObjectCommand({ ...object, Body }));
    },

    async removeTranscript(session) {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOfTranscript(session) }));
    },

    readResult: async (key) => ChunkTranscript.parse(JSON.parse(await readText(s3, bucket, key))),

    async publishChunk(row) {
      const place = { userId: row.user_id, sessionId: row.session_id, chunkNumber: row.chunk_number };
      await s3.send(
        new CopyObjectCommand({
          Bucket: bucket,
          Key: chunkTranscriptKey(place),
          CopySource: encodeURI(`${bucket}/${row.result_key}`),
        }),
      );
    },

    transcriptVersion: async (session) => (await headOf(s3, bucket, keyOfTranscript(session)))?.ETag,

    writeTranscript: (session, transcript, replaces) => writeIf(s3, bucket, keyOfTranscript(session), transcript, replaces),
  };
}

export const s3Notes = (s3: S3Client, bucket: string): NoteStore => ({
  readNotes: async (session) =>
    (await readTagged(s3, bucket, notesKey(placeOf(session)), Notes)) ?? { notes: [], tag: undefined },

  writeNotes: (session, notes, replaces) => writeIf(s3, bucket, notesKey(placeOf(session)), { notes }, replaces),
});

/** A rule of the bucket deletes objects with this tag after a day. */
export const s3ExportStore =
  (s3: S3Client, bucket: string): StoreExport =>
  async (Key, Body, ContentType) => {
    const Tagging = new URLSearchParams(EXPORT_TAG).toString();
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType, Tagging }));
  };

/** Presigns uploads and downloads. Size, type, checksum and "only if new" are signed, so S3 refuses anything else. */
export function s3Presigner(
  s3: S3Client,
  bucket: string,
  nowMs: () => number,
): { readonly upload: SignUpload; readonly download: SignDownload } {
  return {
    async upload({ key, contentType, sizeBytes, sha256, overwrite, declared, expiresInSeconds = UPLOAD_URL_SECONDS }) {
      const Metadata = metadataOf(declared);
      const headers: Record<string, string> = {
        'content-type': contentType,
        'content-length': String(sizeBytes),
        ...(overwrite ? {} : { 'if-none-match': '*' }),
        ...(sha256 === undefined ? {} : { 'x-amz-checksum-sha256': sha256 }),
        ...Object.fromEntries(Object.entries(Metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
      };
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentType: contentType,
        ContentLength: sizeBytes,
        Metadata,
        ...(overwrite ? {} : { IfNoneMatch: '*' }),
        ...(sha256 === undefined ? {} : { ChecksumSHA256: sha256 }),
      });
      const signed = new Set(Object.keys(headers));
      const url = await getSignedUrl(s3, command, {
        expiresIn: expiresInSeconds,
        signableHeaders: signed,
        unhoistableHeaders: signed,
      });
      return { method: 'PUT', url, headers, expiresAt: iso(nowMs() + expiresInSeconds * 1000) };
    },

    download: (key) => getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: DOWNLOAD_URL_SECONDS }),
  };
}
