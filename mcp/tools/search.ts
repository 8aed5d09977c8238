/** Searches transcripts. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { Backend, TranscriptResult } from '../backend.ts';
import { Failure, MAX_LISTED, reportProgress, runTool } from './result.ts';

const [MAX_SEARCHED, MAX_HITS] = [50, 50];
/** Characters of context on each side of a search hit. */
const CONTEXT = 60;

const Hit = z.object({ job_id: z.string(), filename: z.string(), start: z.number(), text: z.string() });
type Hit = z.infer<typeof Hit>;
const Hits = z.object({ ...Failure, hits: z.array(Hit).optional() });

/** The segments in which a match begins. A match may continue in the next segment. */
function hitsIn(segments: TranscriptResult['segments'], query: string): Pick<Hit, 'start' | 'text'>[] {
  const wanted = query.toLowerCase();
  return segments.flatMap(({ start, text }, n) => {
    const both = `${text} ${segments[n + 1]?.text ?? ''}`;
    const at = both.toLowerCase().indexOf(wanted);
    if (at < 0 || at > text.length) return [];
    return [{ start, text: both.slice(Math.max(0, at - CONTEXT), at + wanted.length + CONTEXT).trim() }];
  });
}

export function registerSearch(server: McpServer, backend: Backend): void {
  server.registerTool(
    'search_transcripts',
    {
      title: 'Search transcripts',
      description:
        'Searches the newest completed transcriptions for words. Returns the file, the time in seconds and the surrounding text of each hit.',
      inputSchema: z.object({ query: z.string().min(2).max(200), limit: z.number().int().min(1).max(MAX_HITS).default(20) }),
      outputSchema: Hits,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query, limit }, context) =>
      runTool(async () => {
        const completed = (await backend.list(MAX_LISTED)).filter(({ status }) => status === 'completed').slice(0, MAX_SEARCHED);
        const hits: Hit[] = [];
        for (const [i, { jobId, filename }] of completed.entries()) {
          await reportProgress(context, Math.round((100 * i) / completed.length), filename);
          const { segments } = await backend.transcript(jobId).catch(() => ({ segments: [] }));
          const found = hitsIn(segments, query).slice(0, limit - hits.length);
          hits.push(...found.map((hit) => ({ job_id: jobId, filename, ...hit })));
          if (hits.length === limit) break;
        }
        return { success: true, hits, message: `${hits.length} hits in ${completed.length} transcriptions` };
      }),
  );
}
