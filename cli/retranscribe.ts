import type { Command } from 'commander';
import { Job, JobStatus, Retranscribed, SessionDetails } from '../core/contracts/answers.ts';
import { isJobId } from '../core/contracts/keys.ts';
import type { Call } from './connection.ts';
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

async function sessionProgress(call: Call, path: string): Promise<Progress> {
  const { retranscribing = false, retranscription } = await call('GET', path, SessionDetails);
  const { chunks = 0, done = 0, failed = 0 } = retranscription ?? {};
  return {
    hasEnded: !retranscribing,
    share: chunks === 0 ? 0 : (done + failed) / chunks,
    stage: `chunk ${Math.min(done + failed + 1, chunks)}/${chunks}`,
    error: failed === 0 ? undefined : `${failed} of ${chunks} chunks could not be retranscribed; they keep their previous text`,
  };
}

async function jobProgress(call: Call, path: string): Promise<Progress> {
  const { retranscribing = false, retranscription: again } = await call('GET', `${path}/status`, JobStatus);
  return {
    hasEnded: !retranscribing,
    share: (again?.progress ?? 0) / 100,
    stage: again?.stage ?? '',
    error: again?.error === null || again === undefined ? undefined : `${again.error}; the previous text is kept`,
  };
}

export function retranscribeCommand(program: Command, call: Call, isJson: () => boolean): void {
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
      const path = `/api/${isJob ? 'transcriptions' : 'sessions'}/${encodeURIComponent(id)}`;
      const body = { language, model };
      if (isJob) await call('POST', `${path}/retranscribe`, Job, body);
      else await call('POST', `${path}/retranscribe`, Retranscribed, body);
      if (!follow) return print(isJson(), { id }, () => `${id} is being retranscribed`);
      const line = progress(isJson());
      for (;;) {
        const now = await (isJob ? jobProgress(call, path) : sessionProgress(call, path));
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
