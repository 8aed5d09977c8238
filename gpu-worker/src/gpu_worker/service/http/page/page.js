/** The service's page: shows its state and jobs, and uploads files. */
const POLL_MS = 1000;
const at = (id) => document.getElementById(id);
let token = '';
const headers = () => (token ? { authorization: `Bearer ${token}` } : {});

async function show() {
  const response = await fetch('jobs', { headers: headers() });
  at('token-form').hidden = response.status !== 401;
  if (!response.ok) {
    at('state').textContent = response.status === 401 ? 'This service requires a token.' : `The service responded with status ${response.status}.`;
    return;
  }
  const { jobs, models, loaded, trouble, memory_mb: memory } = await response.json();
  const queued = jobs.filter(({ status }) => status === 'queued').length;
  at('state').textContent = trouble
    ? `The model cannot be loaded: ${trouble}`
    : `${loaded ? `${loaded} is loaded` : 'The model is being loaded'} · ${queued} queued${memory ? ` · ${memory} MB` : ''}`;
  if (at('model').options.length !== models.length) {
    at('model').replaceChildren(...models.map((name) => new Option(name, name)));
    await offerLanguages();
  }
  at('jobs').replaceChildren(...jobs.map(row));
}

/** Lists the languages of the selected model by name; for a model of one language, only that one. */
async function offerLanguages() {
  const response = await fetch(`v1/models/${at('model').value}`, { headers: headers() });
  if (!response.ok) return;
  const { languages } = await response.json();
  const names = Object.entries(languages).sort(([, a], [, b]) => a.localeCompare(b));
  const [[, only]] = names;
  const choices = names.length === 1 ? [new Option(only, '')] : [new Option('Detect automatically', ''), ...names.map(([code, name]) => new Option(name, code))];
  at('language').replaceChildren(...choices);
}

function cell(content) {
  const element = document.createElement('td');
  element.append(content);
  return element;
}

function row({ job_id: id, filename, model, status, progress, error }) {
  const line = document.createElement('tr');
  const bar = Object.assign(document.createElement('progress'), { max: 100, value: progress, ariaLabel: `Progress of ${filename}` });
  const state = Object.assign(document.createElement('span'), { textContent: error ? `${status}: ${error}` : status, className: error ? 'bad' : '' });
  const open = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Save', ariaLabel: `Save the text of ${filename}` });
  open.addEventListener('click', () => save(id, filename));
  line.append(cell(filename), cell(model), cell(state), cell(bar), cell(status === 'completed' ? open : ''));
  return line;
}

async function save(id, filename) {
  const text = await (await fetch(`download/${id}`, { headers: headers() })).text();
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  Object.assign(document.createElement('a'), { href: url, download: `${filename.replace(/\.[^.]+$/, '')}.txt` }).click();
}

async function send(file) {
  const body = new FormData();
  body.append('model', at('model').value);
  body.append('language', at('language').value);
  body.append('file', file);
  at('upload-status').textContent = `Uploading ${file.name} …`;
  const response = await fetch('transcribe', { method: 'POST', headers: headers(), body });
  const result = await response.json();
  at('upload-status').textContent = response.ok ? `${file.name} is ${result.status}.` : `${file.name}: ${result.detail}`;
  await show();
}

at('model').addEventListener('change', offerLanguages);
at('choose').addEventListener('click', () => at('file').click());
at('file').addEventListener('change', () => {
  const [file] = at('file').files;
  if (file) send(file);
  at('file').value = '';
});
for (const kind of ['dragover', 'dragleave', 'drop'])
  at('drop').addEventListener(kind, (event) => {
    event.preventDefault();
    at('drop').classList.toggle('over', kind === 'dragover');
    const [file] = event.dataTransfer?.files ?? [];
    if (kind === 'drop' && file) send(file);
  });
at('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token = at('token').value;
  follow();
});

let timer;
async function follow() {
  clearTimeout(timer);
  if (document.visibilityState === 'visible') await show().catch(() => (at('state').textContent = 'The service does not respond.'));
  timer = setTimeout(follow, POLL_MS);
}
follow();
