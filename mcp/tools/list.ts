/** Lists transcriptions. */
import type { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { type Backend, Listed } from '../backend.ts';
import { Failure, MAX_LISTED, runTool } from './result.ts';

const Found = z.object({ ...Failure, transcriptions: z.array(Listed).optional() });

export function registerList(server: McpServer, backend: Backend): void {
  server.registerTool(
    'list_transcriptions',
    {
      title: 'List transcriptions',
      description: 'Lists the transcriptions of the service with their status, newest first.',
      inputSchema: z.object({ limit: z.number().int().min(1).max(MAX_LISTED).default(20) }),
      outputSchema: Found,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ limit }) =>
      runTool(async () => {
        const transcriptions = await backend.list(limit);
        return { success: true, transcriptions, message: `${transcriptions.length} transcriptions` };
      }),
  );
}
