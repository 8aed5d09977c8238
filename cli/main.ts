/** `npx chunkscribe`: the command line for whoever runs a stage. */
import { Command, CommanderError } from 'commander';
import * as z from 'zod';
import { batchCommands } from './batch.ts';
import { CliError, connection } from './connection.ts';
import { doctorCommand } from './doctor/command.ts';
import { fileCommands } from './file.ts';
import { gpuCommands } from './gpu.ts';
import { importCommand } from './import/command.ts';
import { selfTestCommand } from './self-test.ts';
import { sessionCommands } from './session.ts';
import { tokenCommand } from './token.ts';
import { transcribeCommand } from './transcribe.ts';

const USAGE_ERROR = 64;

const program = new Command('chunkscribe')
  .description('Runs and looks after a Chunkscribe stage: the local host (npm start), or one on AWS.')
  .option('--json', 'answer in JSON, for scripts')
  .addHelpText(
    'after',
    `
Which stage: the local host of this machine, or what the environment says:
  CHUNKSCRIBE_API         address of the API (output ApiUrl of the stack)
  CHUNKSCRIBE_TOKEN       an access token of an admin; or
  CHUNKSCRIBE_EMAIL, CHUNKSCRIBE_PASSWORD, CHUNKSCRIBE_CLIENT_ID (output UserPoolClientId)

Exit status: 0 well, 1 an error, 2 a run that left something undone, 3 a run that did nothing of what it should, ${USAGE_ERROR} wrong usage.`,
  )
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride();

const isJson = (): boolean => program.opts<{ json?: boolean }>().json === true;
const { call, text, credentials } = connection();
batchCommands(program, call, isJson);
sessionCommands(program, call, text, isJson);
gpuCommands(program, call, isJson);
transcribeCommand(program, call, text, isJson);
fileCommands(program, call, text, isJson);
selfTestCommand(program, call, isJson);
doctorCommand(program, isJson);
importCommand(program, isJson);
tokenCommand(program, credentials, isJson);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
  else {
    const message =
      error instanceof z.ZodError
        ? 'the stage answers otherwise than this version expects; are both of the same version?'
        : (error as Error).message;
    console.error(message);
    process.exitCode = error instanceof CliError ? error.code : 1;
  }
}
