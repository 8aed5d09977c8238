/** The pages begin here: configuration, whoever was signed in, then what the address says. */
import { render } from 'preact';
import { App } from './app.tsx';
import { resume } from './auth/session.ts';
import { loadConfig } from './config.ts';
import { Failed } from './ui/parts.tsx';

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the app');

try {
  await Promise.all([loadConfig(), resume()]);
  render(<App />, root);
} catch {
  render(
    <main class="main narrow">
      <Failed what="The pages cannot reach their configuration. Is the connection gone?" again={() => location.reload()} />
    </main>,
    root,
  );
}
navigator.serviceWorker?.register('./sw.js').catch(() => undefined);
