/**
 * `npm start`: runs the whole product on this machine until Ctrl+C.
 *
 * Steps: claim the home folder (exit if a host runs there) -> model -> reserve the port -> local host -> sign in the demo user ->
 * write the host's note -> serve the pages -> sample session -> wait for a signal -> stop everything, release the folder.
 *
 * Gotcha: a signal during the start takes effect when the current step ends; only the model download is aborted at once.
 */
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type HostNote, noteOf } from './host-note.ts';
import { startLocalHost } from './local-host.ts';
import { chooseModel, modelNote } from './model.ts';
import { holdPort, SIGN_IN_MINUTES, servePages } from './page-server.ts';
import { DEFAULT_ROOT, folders } from './paths.ts';
import { claimFolder, killLeftovers, releaseFolder } from './processes.ts';
import { recordingClient } from './recording-client.ts';
import { sendSample } from './sample-session.ts';
import { differenceFrom, givenOptions, idleSecondsOf, portOf } from './start-options.ts';
import { signIn } from './users.ts';

/** Exit status if a signal interrupts the start. */
const INTERRUPTED = 130;
/** Thrown after a start step when a signal has arrived. */
class Interrupted extends Error {}

const ending = new AbortController();

async function main(): Promise<void> {
  const startedMs = Date.now();
  const given = givenOptions();
  const wantedPort = portOf(given);
  const { run, logs } = folders(DEFAULT_ROOT);
  const other = claimFolder(run, { given });
  if (other !== undefined) {
    const running = noteOf(DEFAULT_ROOT);
    console.log(`Chunkscribe is already running: ${running?.url ?? `process ${other.pid}`}`);
    if (running !== undefined) console.log(`  model ${running.model.name}`);
    const difference = await differenceFrom(run, running?.model, given);
    if (difference !== undefined) throw new Error(difference);
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());

  let step = 0;
  const onStep = (title: string, seconds: number): void => {
    if (ending.signal.aborted) throw new Interrupted();
    console.log(`  ${++step}. ${title.padEnd(16)} ${seconds.toFixed(1)} s`);
  };
  const modelMs = Date.now();
  const chosen = await chooseModel(given.model, ending.signal);
  const about = modelNote(chosen, 'npm start --');
  console.log('Starting Chunkscribe');
  const held = await holdPort(wantedPort);
  const { port } = held;
  if (port !== wantedPort) console.log(`  port ${wantedPort} is taken; using port ${port}`);
  onStep(`model ${chosen.name}`, (Date.now() - modelMs) / 1000);
  const host = await startLocalHost({
    root: DEFAULT_ROOT,
    model: chosen.folder,
    modelName: chosen.name,
    pagesPort: port,
    idleSeconds: idleSecondsOf(given),
    context: { knownVoices: String(given.knownVoices ?? false) },
    onStep,
    log: (line) => console.log(`  ${line}`),
  });
  try {
    const note: HostNote = {
      url: `http://127.0.0.1:${port}`,
      apiUrl: host.apiUrl,
      endpoint: host.endpoint,
      userPoolId: host.output('UserPoolId'),
      clientId: host.output('UserPoolClientId'),
      model: chosen,
      bucketName: host.output('BucketName'),
      logs,
      operator: host.demo,
      credentials: host.credentials,
    };
    const { access } = await signIn(note, host.demo, 'admin'); // the only user is also the admin
    claimFolder(run, { ...note, given });
    const pages = await servePages({ held, host, demo: host.demo, note: about });
    const sampleMs = Date.now();
    if (await sendSample(recordingClient(host.apiUrl, access), host.folders.temporary, ending.signal))
      onStep('sample session', (Date.now() - sampleMs) / 1000);
    console.log(`\nReady after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    console.log(`  open   ${pages.signInAddress}`);
    console.log(`         (signs you in; valid once, for ${SIGN_IN_MINUTES} minutes)`);
    console.log(`  page   ${note.url}   (${host.demo.email}, password ${host.demo.password})`);
    console.log(`  API    ${note.url}/api   (try it with: npm run demo)`);
    console.log('  mail   npm run mail');
    console.log('  CLI    npx chunkscribe --help');
    console.log(`  logs   ${join(logs, '')}`);
    if (about !== undefined) console.log(`\n${about}`);
    console.log('\nCtrl+C stops everything.\n');
    await new Promise((resolve) =>
      ending.signal.aborted ? resolve(undefined) : ending.signal.addEventListener('abort', resolve),
    );
    console.log('\nStopping Chunkscribe');
    await pages.stop();
  } finally {
    await host.stop();
    releaseFolder(run);
  }
}

try {
  await main();
} catch (error) {
  await turn(); // lets a signal that arrived during a synchronous step be handled
  if (ending.signal.aborted) {
    console.log('\nStart interrupted');
    const { run } = folders(DEFAULT_ROOT);
    await killLeftovers(run);
    releaseFolder(run);
    process.exitCode = INTERRUPTED;
  } else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
