import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { MAX_SPEAKER_NAME } from '../core/contracts/speakers.ts';
import { CliError, USAGE_ERROR } from './connection.ts';
import { knownVoiceId, sessionId, textUpTo } from './options.ts';
import { minutesAgo, print, table } from './output.ts';

/** `chunkscribe voices`: voices that the user has saved, to suggest names of speakers. */
export function voiceCommands(program: Command, api: ApiClient, isJson: () => boolean): void {
  const voices = program.command('voices').description('manage known voices, which suggest names of speakers');

  voices
    .command('list')
    .description('list your known voices')
    .action(async () => {
      print(isJson(), await api('GET /api/known-voices'), (known) =>
        table(
          ['voice', 'saved', 'name'],
          known.voices.map(({ id, savedAt, name }) => [id, minutesAgo(savedAt), name]),
        ),
      );
    });

  voices
    .command('save')
    .description('save the voice of a named speaker; it replaces your known voice with this name')
    .argument('<session>', 'id', sessionId)
    .argument('<speaker>', 'the name of the speaker in the text', textUpTo(MAX_SPEAKER_NAME))
    .action(async (id: string, speaker: string) => {
      print(
        isJson(),
        await api('POST /api/known-voices', { body: { sessionId: id, speaker } }),
        (saved) => `the voice of ${saved.name} is saved as ${saved.id}; delete it with: voices delete ${saved.id}`,
      );
    });

  voices
    .command('suggest')
    .description('list the speakers of a session who sound like your known voices')
    .argument('<session>', 'id', sessionId)
    .action(async (id: string) => {
      print(isJson(), await api('GET /api/sessions/{id}/speaker-suggestions', { path: { id } }), ({ suggestions }) =>
        table(
          ['speaker', 'sounds like', 'similarity'],
          suggestions.map(({ speaker, name, similarity }) => [speaker, name, similarity]),
        ),
      );
    });

  voices
    .command('delete')
    .description('delete a known voice, or all of them')
    .argument('[voice]', 'id, as shown by voices list', knownVoiceId)
    .option('--all', 'all known voices')
    .action(async (id: string | undefined, { all = false }: { all?: boolean }) => {
      if ((id === undefined) !== all) throw new CliError('give either the id of a voice or --all', USAGE_ERROR);
      if (id === undefined) await api('DELETE /api/known-voices');
      else await api('DELETE /api/known-voices/{id}', { path: { id } });
      print(isJson(), { deleted: id ?? 'all' }, () => (id === undefined ? 'all known voices are deleted' : `${id} is deleted`));
    });
}
