/** Entry point: loads the configuration, restores the sign-in, handles a one-time sign-in address, then renders. */
import { render } from 'preact';
import { App } from './app.tsx';
import { restoreSignIn } from './auth/session.ts';
import { signInByAddress } from './auth/sign-in-address.ts';
import { loadConfig } from './config.ts';
import { Failed } from './ui/parts.tsx';

const root = document.getElementById('app');
if (root === null) throw new Error('the element #app is missing');

try {
  await Promise.all([loadConfig(), restoreSignIn()]);
  await signInByAddress();
  render(<App />, root);
} catch {
  render(
    <main class="main narrow">
      <Failed what="The configuration could not be loaded. Check your connection." retry={() => location.reload()} />
    </main>,
    root,
  );
}
if (import.meta.env.MODE === 'production') navigator.serviceWorker?.register('./sw.js').catch(() => undefined);
