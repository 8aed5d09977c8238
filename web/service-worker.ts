/**
 * Keeps the pages on the device, so that they open without a network, and a recording can begin there. The API and audio
 * never pass through here. A new version takes over when its pages are loaded next; old files stay until then.
 */
export {};

declare const self: ServiceWorkerGlobalScope;
/** Filled in by the build: hash of this version, and its files. */
declare const VERSION: string;
declare const FILES: readonly string[];

const CACHE = `pages-${VERSION}`;
/** Asked for each time, from the cache only without an answer: these name the files of a version. */
const FRESH = ['index.html', 'config.json'];

const install = async (): Promise<void> => {
  const cache = await caches.open(CACHE);
  await cache.addAll([...new Set([...FILES, ...FRESH])].map((file) => new Request(file, { cache: 'no-cache' })));
  await self.skipWaiting();
};
const activate = async (): Promise<void> => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith('pages-') && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
};

async function fresh(request: Request, name: string): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.ok) await (await caches.open(CACHE)).put(name, answer.clone());
    return answer;
  } catch (error) {
    const kept = await caches.match(name);
    if (kept !== undefined) return kept;
    throw error;
  }
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const scope = new URL(self.registration.scope);
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const name = url.pathname.slice(scope.pathname.length) || 'index.html';
  if (FRESH.includes(name)) event.respondWith(fresh(request, name));
  else if (FILES.includes(name)) event.respondWith(caches.match(name).then((kept) => kept ?? fetch(request)));
});
