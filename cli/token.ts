import type { Command } from 'commander';
import type { Credentials } from './connection.ts';
import { print } from './output.ts';

/** `chunkscribe token`: for curl and programs of one's own. */
export function tokenCommand(program: Command, credentials: () => Promise<Credentials>, isJson: () => boolean): void {
  program
    .command('token')
    .description('print an access token, good for an hour: export CHUNKSCRIBE_TOKEN=$(npx chunkscribe token)')
    .action(async () => {
      print(isJson(), await credentials(), ({ token }) => token);
    });
}
