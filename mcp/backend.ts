/** The backend that transcribes: the persistent worker service, or a stage. */
import * as z from 'zod';
import type { CHANNELS } from '../core/contracts/media.ts';

const STATES = ['queued', 'processing', 'completed', 'failed', 'cancelled'] as const;
export const Progress = z.object({
  status: z.enum(STATES),
  /** 0 to 100. */
  progress: z.number(),
  error: z.string().nullable(),
});
export type Progress = z.infer<typeof Progress>;

export const Listed = z.object({
  jobId: z.string(),
  filename: z.string(),
  status: z.enum(STATES),
  createdAt: z.string(),
  durationSeconds: z.number().optional(),
});
export type Listed = z.infer<typeof Listed>;

const Segment = z.object({ start: z.number(), end: z.number(), text: z.string() });
export const TranscriptResult = z.object({ text: z.string(), duration_seconds: z.number(), segments: z.array(Segment) });
export type TranscriptResult = z.infer<typeof TranscriptResult>;

interface Options {
  /** @default the backend's default model */
  readonly model?: string | undefined;
  /** Code or English name. @default detected */
  readonly language?: string | undefined;
  /** Whether speakers are detected. */
  readonly diarize?: boolean | undefined;
  readonly minSpeakers?: number | undefined;
  readonly maxSpeakers?: number | undefined;
  /** @default mix */
  readonly channels?: (typeof CHANNELS)[number] | undefined;
}

/** Operations of a backend. Error responses and connection failures are thrown as BackendError. */
export interface Backend {
  readonly url: string;
  /** @throws BackendError if the backend is unreachable or cannot transcribe */
  check(): Promise<void>;
  /** Uploads a file and returns its job. `onSent` receives the uploaded share, 0 to 1. */
  send(
    path: string,
    filename: string,
    options: Options,
    onSent: (share: number) => Promise<void>,
  ): Promise<{ readonly jobId: string; readonly status: Progress['status'] }>;
  progress(jobId: string): Promise<Progress>;
  list(limit: number): Promise<Listed[]>;
  /** @throws BackendError if the job is not completed */
  transcript(jobId: string): Promise<TranscriptResult>;
  render(jobId: string, format: 'txt' | 'srt' | 'vtt' | 'md'): Promise<string>;
}

/** An error that is returned to the assistant; `code` is stable. */
export class BackendError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
