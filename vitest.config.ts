import { defineConfig } from 'vitest/config';

/** Tests of files and of machines take long, so each group has its own host and runs beside the other host tests. */
const FILES = ['test/host/{files,webhooks,cli,mcp,guide}.test.ts'];
const MACHINES = ['test/host/{gpu,stoppers,lost-and-repeated,runs,kills,smoke}.test.ts'];
/** These start other programs and take half a minute. `npm run check` excludes them. */
const TOOLS = ['test/template/cfn-lint.test.ts', 'test/repository/{launch,import-rules}.test.ts'];
/** Needs the published model instead of the shared host. */
const FIRST_VISIT = 'test/host/first-visit.test.ts';
const SERVICE_PAGE = 'test/browser/service-page.test.ts';
/** One host for all files of a project: the real template on the emulator, with real functions and a real worker. */
const onHost = {
  globalSetup: ['test/host/global-setup.ts'],
  testTimeout: 600_000,
  hookTimeout: 600_000,
  fileParallelism: false,
  expect: { poll: { timeout: 60_000 } },
};

export default defineConfig({
  test: {
    reporters: ['default'],
    chaiConfig: { truncateThreshold: 1000 }, // CI prints messages without their diff
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          setupFiles: ['test/support/seed.ts'],
          include: ['test/{cli,core,handlers,contracts,template,workflow,web,repository}/**/*.test.ts'],
          exclude: TOOLS,
          isolate: false, // the files share their imports, which take longer than the tests
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      { extends: true, test: { name: 'tools', include: TOOLS, testTimeout: 600_000 } },
      {
        extends: true,
        test: { name: 'host', include: ['test/host/**/*.test.ts'], exclude: [...FILES, ...MACHINES, FIRST_VISIT], ...onHost },
      },
      { extends: true, test: { name: 'machines', include: MACHINES, ...onHost } },
      { extends: true, test: { name: 'files', include: FILES, ...onHost } },
      {
        extends: true,
        test: {
          name: 'speech',
          include: ['test/speech/*.test.ts', FIRST_VISIT],
          ...onHost,
          globalSetup: ['test/speech/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'service',
          globalSetup: ['test/service/global-setup.ts'],
          include: ['test/service/*.test.ts', SERVICE_PAGE],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'pages',
          include: ['test/browser/**/*.test.ts'],
          exclude: [SERVICE_PAGE],
          ...onHost,
          // Browsers that record and play in real time, on a machine that transcribes meanwhile. The summary lists second tries.
          retry: 1,
        },
      },
    ],
  },
});
