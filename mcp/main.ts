/**
 * The MCP server, on standard input and output: an assistant has recordings of this machine transcribed, by the service of a GPU box
 * or by a stage on AWS.
 *
 *   CHUNKSCRIBE_SERVICE        address of the service (default http://127.0.0.1:8765)
 *   CHUNKSCRIBE_SERVICE_TOKEN  its token, where it needs one
 *   CHUNKSCRIBE_API …          a stage instead: the same names as for the command line (npx chunkscribe --help)
 *   CHUNKSCRIBE_ROOTS          folders that may be read and written, separated like PATH (default: the one it is started in)
 */
import { delimiter } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { cloudBackend } from './cloud-backend.ts';
import { folders } from './folders.ts';
import { serviceBackend } from './service-backend.ts';
import { registerTools } from './tools.ts';

const env = process.env;
const backend =
  env['CHUNKSCRIBE_API'] === undefined
    ? serviceBackend(env['CHUNKSCRIBE_SERVICE'] ?? 'http://127.0.0.1:8765', env['CHUNKSCRIBE_SERVICE_TOKEN'])
    : cloudBackend(env['CHUNKSCRIBE_API']);
const roots = (env['CHUNKSCRIBE_ROOTS'] ?? process.cwd()).split(delimiter).filter(Boolean);

const server = new McpServer(
  { name: 'chunkscribe', version: '0.1.0' },
  {
    instructions:
      'Transcribes audio files. transcribe_wav begins and answers at once; ask check_transcription_status until it is completed.',
  },
);
registerTools(server, backend, await folders(roots));
await server.connect(new StdioServerTransport());
