/** Returns a transcript. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, BackendError } from '../backend.ts';
import { Failure, JobId, runTool } from './result.ts';

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

const Text = z.object({ ...Failure, text: z.string().optional(), duration_seconds: z.number().optional() });

/** The requested range; undefined for the whole text. @throws BackendError `invalid-range` */
function rangeOf(start: number | undefined, end: number | undefined, format: string): { from: number; to: number } | undefined {
  if (start === undefined && end === undefined) return undefined;
  if (format !== 'txt') throw new BackendError('invalid-range', 'a range is available as txt only');
  const range = { from: start ?? 0, to: end ?? Number.POSITIVE_INFINITY };
  if (range.to <= range.from) throw new BackendError('invalid-range', 'end must be after start');
  return range;
}

export function registerRead(server: McpServer, backend: Backend): void {
  server.registerTool(
    'get_transcript',
    {
      title: 'Read a transcript',
      description:
        'Returns the text of a completed transcription as txt, srt, vtt or md (Markdown). A range of seconds is available as txt only.',
      inputSchema: z.object({
        job_id: JobId,
        format: z.enum(['txt', 'srt', 'vtt', 'md']).default('txt'),
        start: z.number().min(0).optional().describe('in seconds; only with format txt'),
        end: z.number().positive().optional().describe('in seconds; only with format txt'),
      }),
      outputSchema: Text,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ job_id, format, start, end }) =>
      runTool(async () => {
        const range = rangeOf(start, end, format);
        const { segments, duration_seconds } = await backend.transcript(job_id);
        if (range === undefined)
          return { success: true, text: await backend.render(job_id, format), duration_seconds, message: 'the whole text' };
        const within = segments.filter((segment) => segment.start < range.to && segment.end > range.from);
        const text = within.map((segment) => segment.text).join(' ');
        return { success: true, text, duration_seconds, message: `text from ${clock(range.from)}` };
      }),
  );
}
