import type { Command } from 'commander';
import type { ApiClient } from '../core/contracts/calls/client.ts';
import { isJobId } from '../core/contracts/keys.ts';
import { languageHelp, languageOption } from './language.ts';
import { modelName, sessionOrJobId } from './options.ts';
import { bar, print, progress, tenth } from './output.ts';

const POLL_MS = 2000;
const EXIT_INCOMPLETE = 2;

/** Progress of a retranscription. */
interface Progress {
  readonly hasEnded: boolean;
  readonly share: number;
  readonly stage: string;
  /** Set if anything could not be retranscribed. */
  readonly error?: string | undefined;
}

async function sessionProgress(api: ApiClient, id: string): Promise<Progress> {
  const { retranscribing = false, retranscription } = await api('GET /api/sessions/{id}', { path: { id } });
  const { chunks = 0, done = 0, failed = 0 } = retranscription ?? {};
  return {
    hasEnded: !retranscribing,
    share: chunks === 0 ? 0 : (done + failed) / chunks,
    stage: `chunk ${Math.min(done + failed + 1, chunks)}/${chunks}`,
    error: failed === 0 ? undefined : `${failed} of ${chunks} chunks could not be retranscribed; they keep their previous text`,
  };
}

async function jobProgress(api: ApiClient, id: string): Promise<Progress> {
  const { retranscribing = false, retranscription: again } = await api('GET /api/transcriptions/{id}/status', { path: { id } });
  return {
    hasEnded: !retranscribing,
    share: (again?.progress ?? 0) / 100,
    stage: again?.stage ?? '',
    error: again?.error === null || again === undefined ? undefined : `${again.error}; the previous text is kept`,
  };
}

/** `chunkscribe retranscribe`: transcribes a session or file again. */
export function retranscribeCommand(program: Command, api: ApiClient, isJson: () => boolean): void {
  program
    .command('retranscribe')
    .description('retranscribe a session or file; the previous text stays until the new one is complete')
    .argument('<id>', "id of the session, or of the file's job", sessionOrJobId)
    .option(...languageOption('unchanged; auto detects it'))
    .option('-m, --model <name>', 'a model of the stage (default: unchanged)', modelName)
    .option('--no-follow', 'start the retranscription and exit')
    .addHelpText('after', languageHelp)
    .action(async (id: string, { language, model, follow }: { language?: string; model?: string; follow: boolean }) => {
      const isJob = isJobId(id);
      const input = { path: { id }, body: { language, model } };
      if (isJob) await api('POST /api/transcriptions/{id}/retranscribe', input);
      else await api('POST /api/sessions/{id}/retranscribe', input);
      if (!follow) return print(isJson(), { id }, () => `${id} is being retranscribed`);
      const line = progress(isJson());
      for (;;) {
        const now = await (isJob ? jobProgress(api, id) : sessionProgress(api, id));
        if (!now.hasEnded) {
          line.update(`${id}  ${bar(now.share)}  ${now.stage}`, `${tenth(now.share)}`);
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
          continue;
        }
        line.done();
        if (now.error !== undefined) process.exitCode = EXIT_INCOMPLETE;
        return print(isJson(), { id, error: now.error ?? null }, () => now.error ?? `${id} has been retranscribed`);
      }
    });
}
