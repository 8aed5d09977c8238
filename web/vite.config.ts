/** The pages: one bundle for what everybody needs, one more for each page that not everybody opens, and a service worker that keeps them all. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const PUBLIC = join(import.meta.dirname, 'public');

/** Tells the service worker which files this version has: what it keeps, and by whose hash it is another version. */
function listForServiceWorker(): Plugin {
  return {
    name: 'list-for-service-worker',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const worker = bundle['sw.js'];
        if (worker?.type !== 'chunk') throw new Error('there is no service worker in the bundle');
        const files = [
          ...Object.keys(bundle).filter((name) => name !== 'sw.js' && !name.endsWith('.map')),
          ...readdirSync(PUBLIC),
        ];
        const version = createHash('sha256').update(files.join()).digest('hex').slice(0, 12);
        worker.code = `const VERSION=${JSON.stringify(version)},FILES=${JSON.stringify(files)};${worker.code}`;
      },
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: { alias: [{ find: /^zod$/, replacement: join(import.meta.dirname, 'src', 'zod.ts') }] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: join(import.meta.dirname, 'index.html'), sw: join(import.meta.dirname, 'service-worker.ts') },
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  plugins: [listForServiceWorker()],
});
