/** What all tools have in common: their results, errors and progress. */
import type { ServerContext } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { BackendError, type Progress } from '../backend.ts';

/** States in which a job no longer changes. */
export const ENDED: readonly Progress['status'][] = ['completed', 'failed', 'cancelled'];
/** Longest list of transcriptions. */
export const MAX_LISTED = 100;

/** Fields of every result. */
export const Failure = { success: z.boolean(), error: z.string().optional(), message: z.string() };
export const JobId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'not a job id');

interface Output {
  readonly success: boolean;
  readonly message: string;
}
const toolResult = (output: Output) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(output, undefined, 1) }],
  structuredContent: { ...output },
  ...(!output.success && { isError: true }),
});

/** Runs a tool. Errors become results with `success: false` and a stable code, never protocol errors. */
export async function runTool(work: () => Promise<Output>) {
  try {
    return toolResult(await work());
  } catch (error) {
    if (error instanceof BackendError) return toolResult({ success: false, message: error.message, ...{ error: error.code } });
    console.error(error);
    return toolResult({
      success: false,
      message: 'internal error of this server; see its log',
      ...{ error: 'internal' },
    });
  }
}

/** Sends a progress notification, if the client requested them. @param progress 0 to 100 */
export async function reportProgress(context: ServerContext, progress: number, message: string): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100, message } });
}
