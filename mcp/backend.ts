/** Who transcribes: the service of a GPU box, or a stage on AWS. */
import * as z from 'zod';

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
export const Heard = z.object({ text: z.string(), duration_seconds: z.number(), segments: z.array(Segment) });
export type Heard = z.infer<typeof Heard>;

export interface Backend {
  readonly url: string;
  /** @throws BackendError when nobody is there to transcribe */
  check(): Promise<void>;
  /** Sends a file; answers its job. `onSent` gets the share that is on its way. */
  send(
    path: string,
    filename: string,
    model: string | undefined,
    onSent: (share: number) => Promise<void>,
  ): Promise<{ readonly jobId: string; readonly status: Progress['status'] }>;
  progress(jobId: string): Promise<Progress>;
  list(limit: number): Promise<Listed[]>;
  /** @throws BackendError when it is not completed */
  transcript(jobId: string): Promise<Heard>;
  render(jobId: string, format: 'txt' | 'srt' | 'vtt'): Promise<string>;
}

/** What an assistant is told; `code` is stable. */
export class BackendError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
