/** Starts the demo and follows it; the server runs it, so that a reload loses nothing. */
const POLL_MS = 500;
const at = (id) => document.getElementById(id);

function show({ running, lines, result, error, note }) {
  at('model-note').hidden = !note;
  at('model-note').textContent = note ?? '';
  at('run').disabled = running;
  at('state').textContent = error ? `It did not work: ${error}` : running ? 'Running …' : '';
  at('lines').replaceChildren(...lines.map((line) => Object.assign(document.createElement('li'), { textContent: line })));
  at('result').hidden = !result;
  if (!result) return;
  const errors =
    result.wordErrorRate === undefined ? '' : `, ${(result.wordErrorRate * 100).toFixed(1)} % of the known words wrong`;
  at('figures').textContent = `${result.waitedSeconds.toFixed(1)} s from Stop to the full text${errors} (${result.status})`;
  at('text').textContent = result.text;
}

async function follow() {
  try {
    const view = await (await fetch('demo')).json();
    show(view);
    if (view.running) setTimeout(follow, POLL_MS);
  } catch {
    at('state').textContent = 'The host does not answer. Is it still running?';
    at('run').disabled = false;
  }
}

at('run').addEventListener('click', async () => {
  at('run').disabled = true;
  await fetch('demo', { method: 'POST' }).catch(() => undefined);
  await follow();
});
await follow();
