/** The commands of `npx chunkscribe` and their exit status. */
import { Command, CommanderError } from 'commander';
import * as z from 'zod';
import { VERSION } from '../core/contracts/version.ts';
import { batchCommands } from './batch.ts';
import { CliError, type Connection, USAGE_ERROR } from './connection.ts';
import { doctorCommand } from './doctor/command.ts';
import { fileCommands } from './file.ts';
import { gpuCommands } from './gpu.ts';
import { importCommand } from './import/command.ts';
import { retranscribeCommand } from './retranscribe.ts';
import { selfTestCommand } from './self-test.ts';
import { lockCommands, sessionCommands } from './session.ts';
import { smokeCommand } from './smoke/command.ts';
import { tokenCommand } from './token.ts';
import { transcribeCommand } from './transcribe/command.ts';
import { voiceCommands } from './voices.ts';

/** Rejects help for an unknown command; commander would print the general help. */
function refuseUnknownHelp(context: { readonly error: boolean; readonly command: Command }): string {
  const { command, error } = context;
  const [first, second] = command.args;
  const name = first === 'help' ? second : first;
  const names = command.commands.flatMap((one) => [one.name(), ...one.aliases()]);
  if ((!error || first === 'help') && name !== undefined && !name.startsWith('-') && names.length > 0 && !names.includes(name))
    command.error(`error: unknown command '${name}'`);
  return '';
}

export function buildProgram({ api, credentials }: Connection): Command {
  const program = new Command('chunkscribe')
    .description('Operates a Chunkscribe stage: the local host (npm start), or a stage on AWS.')
    .version(VERSION)
    .option('--json', 'print JSON, for scripts')
    .addHelpText('beforeAll', refuseUnknownHelp)
    .addHelpText(
      'after',
      `
The stage is the local host of this machine, unless the environment names one:
  CHUNKSCRIBE_API         address of the API (output ApiUrl of the stack)
  CHUNKSCRIBE_TOKEN       an access token of an admin; or
  CHUNKSCRIBE_EMAIL, CHUNKSCRIBE_PASSWORD, CHUNKSCRIBE_CLIENT_ID (output UserPoolClientId)

Exit status: 0 success, 1 error, 2 partly failed, 3 batch run failed completely, ${USAGE_ERROR} invalid usage.`,
    )
    .showHelpAfterError('(--help lists commands and options)')
    .exitOverride();
  const isJson = (): boolean => program.opts<{ json?: boolean }>().json === true;
  batchCommands(program, api, isJson);
  sessionCommands(program, api, isJson);
  voiceCommands(program, api, isJson);
  lockCommands(program, api, isJson);
  gpuCommands(program, api, isJson);
  transcribeCommand(program, api, isJson);
  retranscribeCommand(program, api, isJson);
  fileCommands(program, api, isJson);
  selfTestCommand(program, api, isJson);
  doctorCommand(program, isJson);
  smokeCommand(program, isJson);
  importCommand(program, isJson);
  tokenCommand(program, credentials, isJson);
  return program;
}

/** Maps an error to the exit status and the line to print; no line if commander has already printed it. */
export function exitOf(error: unknown): { readonly code: number; readonly line?: string } {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : USAGE_ERROR };
  if (error instanceof z.ZodError)
    return { code: 1, line: 'unexpected response from the stage; do the stage and this command line have the same version?' };
  const { name, message } = error as Error;
  if (name === 'CredentialsProviderError' || message === 'Region is missing')
    return { code: 1, line: `AWS: ${message}; npx chunkscribe doctor --before shows what to do` };
  return { code: error instanceof CliError ? error.code : 1, line: message || name };
}
