import type { Command } from 'commander';
import type { Credentials } from './connection.ts';
import { print } from './output.ts';

/** `chunkscribe token`: prints an access token for curl and scripts. */
export function tokenCommand(program: Command, credentials: () => Promise<Credentials>, isJson: () => boolean): void {
  program
    .command('token')
    .description('print an access token, valid for one hour: export CHUNKSCRIBE_TOKEN=$(npx chunkscribe token)')
    .action(async () => {
      print(isJson(), await credentials(), ({ token }) => token);
    });
}
