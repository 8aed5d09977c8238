#!/usr/bin/env node
// `npx chunkscribe …`: prepares this machine if need be, and runs the command line under the Node of the project.
process.argv.splice(2, 0, 'cli/main.ts');
await import('../scripts/launch.mjs');
