import { defineConfig } from 'vitest/config';

/** Files take their time, and so do machines that come and go: each has a host of its own, beside the one of all others. */
const FILES = ['test/host/{files,webhooks,cli,mcp,guide}.test.ts'];
const MACHINES = ['test/host/{gpu,stoppers,lost-and-repeated,runs}.test.ts'];
const SERVICE_PAGE = 'test/browser/service-page.test.ts';
/** The real template on the emulator, real functions, real worker, real model: one host for all files of a project. */
const onHost = {
  globalSetup: ['test/host/global-setup.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
  fileParallelism: false,
};

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'fast',
          setupFiles: ['test/support/seed.ts'],
          include: ['test/{cli,core,handlers,contracts,template,workflow,web,repository}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'host', include: ['test/host/**/*.test.ts'], exclude: [...FILES, ...MACHINES], ...onHost } },
      { test: { name: 'machines', include: MACHINES, ...onHost } },
      { test: { name: 'files', include: FILES, ...onHost } },
      {
        test: {
          name: 'service',
          globalSetup: ['test/service/global-setup.ts'],
          include: ['test/service/*.test.ts', SERVICE_PAGE],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'pages', include: ['test/browser/**/*.test.ts'], exclude: [SERVICE_PAGE], ...onHost } },
    ],
  },
});
