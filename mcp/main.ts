/**
 * The MCP server (stdio transport): an assistant transcribes recordings of this machine with the persistent worker service or a
 * stage.
 *
 *   CHUNKSCRIBE_SERVICE        address of the service (default http://127.0.0.1:8765)
 *   CHUNKSCRIBE_SERVICE_TOKEN  its token, if it requires one
 *   CHUNKSCRIBE_API …          a stage instead; same variables as the command line (npx chunkscribe --help)
 *   CHUNKSCRIBE_ROOTS          folders that may be read and written, separated like PATH (default: the working directory)
 */
import { delimiter } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { VERSION } from '../core/contracts/version.ts';
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
  { name: 'chunkscribe', version: VERSION },
  {
    instructions:
      'Transcribes audio files. transcribe_wav starts a job and returns at once; poll check_transcription_status until it is completed.',
  },
);
registerTools(server, backend, await folders(roots));
await server.connect(new StdioServerTransport());
