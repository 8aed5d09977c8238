/** Returns a transcript. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, BackendError } from '../backend.ts';
import { Failure, JobId, runTool } from './result.ts';

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

const Text = z.object({ ...Failure, text: z.string().optional(), duration_seconds: z.number().optional() });

export function registerRead(server: McpServer, backend: Backend): void {
  server.registerTool(
    'get_transcript',
    {
      title: 'Read a transcript',
      description:
        'Returns the text of a completed transcription as txt, srt or vtt. A range of seconds is available as txt only.',
      inputSchema: z.object({
        job_id: JobId,
        format: z.enum(['txt', 'srt', 'vtt']).default('txt'),
        start: z.number().min(0).optional().describe('in seconds; only with format txt'),
        end: z.number().positive().optional().describe('in seconds; only with format txt'),
      }),
      outputSchema: Text,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ job_id, format, start, end }) =>
      runTool(async () => {
        const isRange = start !== undefined || end !== undefined;
        if (isRange && format !== 'txt') throw new BackendError('invalid-range', 'a range is available as txt only');
        const [from, to] = [start ?? 0, end ?? Number.POSITIVE_INFINITY];
        if (to <= from) throw new BackendError('invalid-range', 'end must be after start');
        const transcript = await backend.transcript(job_id);
        const within = transcript.segments.filter((segment) => segment.start < to && segment.end > from);
        const text = isRange ? within.map((segment) => segment.text).join(' ') : await backend.render(job_id, format);
        return {
          success: true,
          text,
          duration_seconds: transcript.duration_seconds,
          message: isRange ? `text from ${clock(from)}` : 'the whole text',
        };
      }),
  );
}
