#!/usr/bin/env node
// `npx chunkscribe …`: prepares this machine if necessary, then runs the command line with the project's Node.
process.argv.splice(2, 0, 'cli/main.ts');
await import('../scripts/launch.mjs');
