/**
 * Caches the pages on the device, so that they open and can record without a network. Requests to the API and for audio are
 * not intercepted. A new version activates as soon as it is installed and deletes the cache of the previous one; pages that are
 * open use it from their next load.
 */
export {};

declare const self: ServiceWorkerGlobalScope;
/** Inserted by the build (vite.config.ts): hash of this version and the list of its files. */
declare const VERSION: string;
declare const FILES: readonly string[];

const CACHE = `pages-${VERSION}`;
/** Network first, the cache only when the network fails: these select the version and the stage. */
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

async function networkFirst(request: Request, name: string): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) await (await caches.open(CACHE)).put(name, response.clone());
    return response;
  } catch (error) {
    const cached = await caches.match(name);
    if (cached !== undefined) return cached;
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
  if (FRESH.includes(name)) event.respondWith(networkFirst(request, name));
  else if (FILES.includes(name)) event.respondWith(caches.match(name).then((cached) => cached ?? fetch(request)));
});
