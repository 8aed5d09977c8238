/** The API of file jobs on memory stores, with files that were transcribed. */
import { StoredFileTranscript } from '../../core/contracts/transcript.ts';
import { acceptUpload, advance } from '../../core/file-jobs/advance.ts';
import { emptyPool } from '../../core/fleet/rows.ts';
import { buildHandler } from '../../lambdas/jobs-api/handler.ts';
import { accessClaims, type Call, CLIENT_ID, invoke } from './api-event.ts';
import { jobWorld } from './job-world.ts';
import { chunkTranscript, USER } from './rows.ts';

const SIZE = 1000;
const FILE = { filename: 'talk.mp3', contentType: 'audio/mpeg', sizeBytes: SIZE };
const ADDRESS = { method: 'PUT' as const, url: 'https://s3/x', headers: {}, expiresAt: '2026-03-01T13:00:00.000Z' };

/** What a worker writes for a part of 30 s: a word a second. `speakers`: index of the voice of each word; `voices`: int8 vectors. */
export function spokenPart(n: number, speakers: readonly number[], voices: readonly (readonly number[])[]) {
  const part = chunkTranscript(n, 30, speakers.length);
  const segments = part.segments.map((segment) => ({
    ...segment,
    words: segment.words.map((word, i) => ({ ...word, speaker: speakers[i] })),
  }));
  const stored = voices.map((vector) => ({
    voice: Buffer.from(Int8Array.from(vector).buffer).toString('base64'),
    seconds: 10,
  }));
  return { ...part, segments, speakers: stored };
}

export function fileWorld() {
  const w = jobWorld();
  let ids = 0;
  /** Exports that are too large for a response, by key. */
  const stored = new Map<string, string | Uint8Array>();
  const handler = buildHandler(
    {
      ...w,
      newUlid: () => String(++ids).padStart(26, '0'),
      stage: { models: ['small.en', 'large-v3'], canDiarize: true, compressFiles: true, retentionDays: 0 },
      maxOpenJobs: 100,
      maxAudioHours: 48,
      readPool: async () => emptyPool(),
      sign: async () => ADDRESS,
      signPart: async () => ADDRESS,
      downloadUrl: async (key) => `https://s3/${key}`,
      storeExport: async (key, content) => void stored.set(key, content),
      checkCallback: () => undefined,
    },
    CLIENT_ID,
  );
  const call = (route: string, more: Partial<Call> & { readonly user?: string } = {}) =>
    invoke(handler, { route, claims: accessClaims(more.user ?? USER), ...more });
  /** Finishes the current work of a job with these results of its parts. */
  async function transcribed(id: string, ...parts: readonly ReturnType<typeof chunkTranscript>[]): Promise<void> {
    const seconds = parts.map(({ duration_seconds }) => duration_seconds);
    await w.cut(id, seconds, 'the same content');
    await advance(w, id);
    for (const [i, part] of parts.entries()) if (await w.chunks.get(id, i + 1)) await w.transcribedPart(id, i + 1, part);
    await advance(w, id);
  }
  return {
    ...w,
    stored,
    call,
    transcribed,
    create: (body: object, user?: string) =>
      call('POST /api/transcriptions', { body: { ...FILE, diarize: true, ...body }, ...(user && { user }) }),
    /** A job whose file is uploaded; returns its id. */
    async uploaded(body: object = {}, user = USER): Promise<string> {
      const { id } = (await this.create(body, user)).body;
      w.sizes.set((await w.jobs.get(id))?.object_key ?? '', SIZE);
      await acceptUpload(w, id);
      return id;
    },
    /** `speaker: text` of each segment. */
    async lines(id: string, user = USER): Promise<string[]> {
      const { body } = await call('GET /api/transcriptions/{id}/transcript', { id, user });
      return StoredFileTranscript.parse(body).segments.map(({ speaker, text }) => `${speaker}: ${text}`);
    },
  };
}
