#!/usr/bin/env node
// `npx chunkscribe-mcp`: prepares this machine if necessary, then runs the MCP server with the project's Node.
process.argv.splice(2, 0, 'mcp/main.ts');
await import('../scripts/launch.mjs');
