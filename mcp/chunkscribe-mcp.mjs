#!/usr/bin/env node
// `npx chunkscribe-mcp`: prepares this machine if need be, and runs the MCP server under the Node of the project.
process.argv.splice(2, 0, 'mcp/main.ts');
await import('../scripts/launch.mjs');
