/** `npx chunkscribe`: the command line for operators and users of a stage. */
import { connection } from './connection.ts';
import { buildProgram, exitOf } from './program.ts';

// A reader such as `head` may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await buildProgram(connection()).parseAsync();
} catch (error) {
  const { code, line } = exitOf(error);
  if (line !== undefined) console.error(line);
  process.exitCode = code;
}
