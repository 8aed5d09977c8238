/** `npm start`: the whole product on this machine, until Ctrl+C. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from './emulator.ts';
import { type HostNote, noteOf } from './host-note.ts';
import { startLocalHost } from './local-host.ts';
import { chooseModel, DEMO_MODEL_NOTE } from './model.ts';
import { servePages } from './page-server.ts';
import { DEFAULT_ROOT, folders } from './paths.ts';
import { claimFolder, releaseFolder } from './processes.ts';
import { recordingClient } from './recording-client.ts';
import { sendSample } from './sample-session.ts';
import { DEMO_USER, signIn } from './users.ts';

const DEFAULT_PORT = 8080;
const DEFAULT_IDLE_SECONDS = 30;

const HELP = `npm start -- [options]     runs Chunkscribe on this machine; Ctrl+C ends it

  --model NAME|FOLDER   speech model: a published name (tiny.en, base.en, small.en, …) or a CTranslate2 folder
                        without it: base.en where it can be had, else the demo model of the repository
  --port N              port of the page (default ${DEFAULT_PORT}; another one when it is taken)
  --idle-seconds N      the machine stops after this long without work (default ${DEFAULT_IDLE_SECONDS}; 120 on AWS)
  --help                this text`;

interface Options {
  readonly model: string | undefined;
  readonly port: number;
  readonly idleSeconds: number;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      port: { type: 'string' },
      'idle-seconds': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const whole = (name: string, text: string | undefined, fallback: number): number => {
    const value = text === undefined ? fallback : Number(text);
    if (!Number.isInteger(value) || value < 1 || value > 65_535)
      throw new Error(`--${name} takes a whole number above 0, not ${text}`);
    return value;
  };
  return {
    model: values.model,
    port: whole('port', values.port, DEFAULT_PORT),
    idleSeconds: whole('idle-seconds', values['idle-seconds'], DEFAULT_IDLE_SECONDS),
  };
}

async function main(): Promise<void> {
  const startedMs = Date.now();
  const { model: asked, port: wantedPort, idleSeconds } = options();
  const { run, logs } = folders(DEFAULT_ROOT);
  const other = claimFolder(run);
  if (other !== undefined) {
    console.log(`Chunkscribe runs already: ${noteOf(DEFAULT_ROOT)?.url ?? `process ${other.pid}`}`);
    return;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());

  let step = 0;
  const onStep = (title: string, seconds: number): void =>
    console.log(`  ${++step}. ${title.padEnd(16)} ${seconds.toFixed(1)} s`);
  console.log('Chunkscribe starts');
  const modelMs = Date.now();
  const chosen = chooseModel(asked);
  onStep('speech model', (Date.now() - modelMs) / 1000);
  const host = await startLocalHost({
    root: DEFAULT_ROOT,
    model: chosen.folder,
    modelName: chosen.name,
    idleSeconds,
    onStep,
    log: (line) => console.log(`  ${line}`),
  });
  try {
    const port = await freePort(wantedPort);
    if (port !== wantedPort) console.log(`  port ${wantedPort} is taken: the page is on ${port}`);
    const note: HostNote = {
      url: `http://127.0.0.1:${port}`,
      apiUrl: host.apiUrl,
      endpoint: host.endpoint,
      userPoolId: host.output('UserPoolId'),
      clientId: host.output('UserPoolClientId'),
      isDemoModel: chosen.isDemo,
      bucketName: host.output('BucketName'),
      logs,
      operator: DEMO_USER,
    };
    const { access } = await signIn(note, DEMO_USER, 'admin'); // one person has this machine: they may do everything
    claimFolder(run, note);
    const pages = await servePages({ port, host, demo: DEMO_USER, note: chosen.isDemo ? DEMO_MODEL_NOTE : undefined });
    const sampleMs = Date.now();
    if (await sendSample(recordingClient(host.apiUrl, access), host.folders.temporary, ending.signal))
      onStep('sample session', (Date.now() - sampleMs) / 1000);
    console.log(`\nReady after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    console.log(`  page   ${note.url}`);
    console.log(`  API    ${note.url}/api   (npm run demo sends a recording through it)`);
    console.log(`  mail   ${note.endpoint}/_ministack/ses/messages`);
    console.log('  CLI    npx chunkscribe --help');
    console.log(`  logs   ${join(logs, '')}`);
    if (chosen.isDemo) console.log(`\n${DEMO_MODEL_NOTE}`);
    console.log('\nCtrl+C ends everything.\n');
    await new Promise((resolve) =>
      ending.signal.aborted ? resolve(undefined) : ending.signal.addEventListener('abort', resolve),
    );
    console.log('\nChunkscribe ends');
    await pages.stop();
  } finally {
    await host.stop();
    releaseFolder(run);
  }
}

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
