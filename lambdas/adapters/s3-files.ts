import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListPartsCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { FILE_UPLOAD_URL_SECONDS, type JobRow, Manifest } from '../../core/contracts/jobs.ts';
import {
  type FilePlace,
  fileEditsKey,
  filePrefix,
  fileResultsPrefix,
  fileTranscriptKey,
  sourceKey,
} from '../../core/contracts/keys.ts';
import { ChunkTranscript, StoredFileTranscript } from '../../core/contracts/transcript.ts';
import type { FileObjects, PartUploads, UploadPart } from '../../core/file-jobs/ports.ts';
import type { SignPart } from '../../core/signing.ts';
import { iso } from '../../core/time.ts';
import { deletePrefix, etagOf, headOf, readTagged, readText, StoredChanges, writeIf } from './s3-objects.ts';

const placeOf = ({ user_id, job_id }: JobRow): FilePlace => ({ userId: user_id, jobId: job_id });

export function s3FileObjects(s3: S3Client, bucket: string): FileObjects {
  return {
    async head(key) {
      const found = await headOf(s3, bucket, key);
      return found && { etag: etagOf(found.ETag), sizeBytes: found.ContentLength ?? 0 };
    },
    readManifest: async (key) => Manifest.parse(JSON.parse(await readText(s3, bucket, key))),
    readResult: async (key) => ChunkTranscript.parse(JSON.parse(await readText(s3, bucket, key))),

    async readTranscript(job) {
      try {
        return StoredFileTranscript.parse(JSON.parse(await readText(s3, bucket, fileTranscriptKey(placeOf(job)))));
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },

    async writeTranscript(job, transcript) {
      const object = { Bucket: bucket, Key: fileTranscriptKey(placeOf(job)), ContentType: 'application/json' };
      await s3.send(new PutObjectCommand({ ...object, Body: JSON.stringify(transcript) }));
    },

    readEdits: (job) => readTagged(s3, bucket, fileEditsKey(placeOf(job)), StoredChanges),
    writeEdits: (job, edits, replaces) => writeIf(s3, bucket, fileEditsKey(placeOf(job)), edits, replaces),

    async keepCompressed(job, key) {
      const kept = sourceKey(placeOf(job), 'ogg');
      if ((await headOf(s3, bucket, key)) !== undefined)
        await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: kept, CopySource: encodeURI(`${bucket}/${key}`) }));
      if (job.object_key !== kept) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: job.object_key }));
      return kept;
    },

    removeResults: (job) => deletePrefix(s3, bucket, fileResultsPrefix(placeOf(job))),
    removeAll: (job) => deletePrefix(s3, bucket, filePrefix(placeOf(job))),
  };
}

const isGone = (error: unknown): boolean => error instanceof S3ServiceException && error.name === 'NoSuchUpload';

export function s3PartUploads(s3: S3Client, bucket: string): PartUploads {
  const of = (key: string, uploadId: string) => ({ Bucket: bucket, Key: key, UploadId: uploadId });
  return {
    async begin(key, contentType) {
      const { UploadId } = await s3.send(
        new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ContentType: contentType }),
      );
      if (UploadId === undefined) throw new Error('S3 returned no upload id');
      return UploadId;
    },

    async list(key, uploadId) {
      const parts: UploadPart[] = [];
      let marker: string | undefined;
      try {
        do {
          const page = await s3.send(new ListPartsCommand({ ...of(key, uploadId), PartNumberMarker: marker }));
          for (const { PartNumber = 0, Size = 0, ETag = '' } of page.Parts ?? [])
            parts.push({ partNumber: PartNumber, sizeBytes: Size, etag: ETag });
          marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
        } while (marker !== undefined);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
      return parts;
    },

    async complete(key, uploadId, parts) {
      const Parts = parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }));
      try {
        await s3.send(new CompleteMultipartUploadCommand({ ...of(key, uploadId), MultipartUpload: { Parts } }));
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },

    async abort(key, uploadId) {
      await s3.send(new AbortMultipartUploadCommand(of(key, uploadId))).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    },
  };
}

/** Presigns the upload of one part. The signature covers the part's size. */
export const s3PartSigner =
  (s3: S3Client, bucket: string, nowMs: () => number): SignPart =>
  async (key, uploadId, partNumber, sizeBytes) => {
    const headers = { 'content-length': String(sizeBytes) };
    const command = new UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: partNumber,
      ContentLength: sizeBytes,
    });
    const signed = new Set(Object.keys(headers));
    const options = { expiresIn: FILE_UPLOAD_URL_SECONDS, signableHeaders: signed, unhoistableHeaders: signed };
    const url = await getSignedUrl(s3, command, options);
    return { method: 'PUT', url, headers, expiresAt: iso(nowMs() + 1000 * FILE_UPLOAD_URL_SECONDS) };
  };
