/**
 * Import rules (docs/adr/0001-rooms-and-functions.md). A folder ("room") may import only what its rule lists; everything else is
 * forbidden. `npm run check` enforces the rules, and test/repository plants a violation of each.
 *
 * If your import breaks a rule: pass what you need as an argument (a port), or move it to a folder that both sides may import.
 * Extend a list only if the room's purpose, which is the rule's comment, requires it. A new folder of core needs a position in
 * CORE_ORDER.
 */
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;
const node = (...names) => `^(node:)?(${names.join('|')})$`;
const SDK = '@aws-sdk/[^/]+';

/** Folders of core by their dependencies: each may import itself and the entries before it. `[^/]+[.]ts$` are the files directly in core. */
const CORE_ORDER = [
  'contracts/',
  '[^/]+[.]ts$',
  'quota/',
  'chunk-cache/',
  'fleet/',
  'ledger/',
  'notifications/',
  'batch-lock/',
  'webhooks/',
  'sessions/',
  'corrections/',
  'transcripts/',
  'batch-run/',
  'file-jobs/',
  'admin/',
];
const CONTRACTS = '^core/contracts/';
const CORE = `^core/(${CORE_ORDER.join('|')})`;
const FUNCTION = '^lambdas/(?!adapters/|runtime/)([^/]+)/';

const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });
/** Allows files at the path `from` to import `may`, and the modules of Node if `usesNode`. `$1` is the first group of `from`. */
const room = (name, comment, from, may, { usesNode = false } = {}) =>
  rule(name, comment, { path: from }, { pathNot: may, ...(usesNode && { dependencyTypesNot: ['core'] }) });
const usesNode = true;

module.exports = {
  forbidden: [
    room(
      'contracts-stand-alone',
      'contracts import only each other and zod; two files that other tools maintain are read as data',
      CONTRACTS,
      [CONTRACTS, npm('zod'), '^package[.]json$', '^gpu-worker/.*/models[.]json$'],
    ),
    room(
      'core-without-io',
      'core consists of use cases over ports: it imports core, packages that do no I/O, and crypto',
      '^core/(?!contracts/)',
      [CORE, npm('docx', 'ipaddr[.]js', 'p-map', 're2js', 'ulid', 'zod'), node('crypto')],
    ),
    ...CORE_ORDER.slice(1).map((folder, above) =>
      rule(
        'core-in-order',
        'a folder of core imports only itself and the entries before it in CORE_ORDER',
        { path: `^core/${folder}` },
        { path: CORE, pathNot: CORE_ORDER.slice(0, above + 2).map((lower) => `^core/${lower}`) },
      ),
    ),
    room(
      'handler-only-translates',
      'a handler parses its event, calls core and maps the result; it receives its adapters as arguments',
      `${FUNCTION}(?!index[.]ts$)`,
      ['^lambdas/($1|adapters|runtime)/', CORE, '^docs/openapi[.]json$', npm('zod', SDK, '@types/aws-lambda')],
    ),
    rule(
      'handler-calls-no-aws',
      'a handler may name types of adapters and clients, but not call them; util-dynamodb only converts values',
      { path: `${FUNCTION}(?!index[.]ts$)` },
      { path: ['^lambdas/adapters/', npm(SDK)], pathNot: npm('@aws-sdk/util-dynamodb'), dependencyTypesNot: ['type-only'] },
    ),
    room(
      'index-wires',
      'index.ts connects the handler of its function to adapters; it imports no other function',
      `${FUNCTION}index[.]ts$`,
      ['^lambdas/($1|adapters|runtime)/', CORE, npm(SDK, 'ulid'), node('timers/promises')],
    ),
    room(
      'adapters-know-core',
      'adapters implement the ports of core with the SDK; they import no function and no middleware',
      '^lambdas/adapters/',
      ['^lambdas/adapters/', CORE, npm(SDK, 'p-map', 'standardwebhooks', 'zod')],
      { usesNode },
    ),
    room(
      'runtime-knows-core',
      'the runtime is the middleware of all functions; it imports no function and no adapter',
      '^lambdas/runtime/',
      ['^lambdas/runtime/', CORE, npm('@aws-lambda-powertools/[^/]+', '@middy/[^/]+', '@types/aws-lambda', 'zod')],
    ),
    room('lib-knows-contracts', 'constructs import only contracts of core, and refer to functions by their folder', '^lib/', [
      '^lib/',
      CONTRACTS,
      npm('aws-cdk-lib', 'constructs', 'zod'),
      node('fs', 'path'),
    ]),
    room(
      'bin-builds',
      'bin builds the bundles and synthesizes the stack; it imports no source that it bundles',
      '^bin/',
      ['^(bin|lib)/', '^cdk[.]json$', npm('aws-cdk-lib', 'esbuild')],
      { usesNode },
    ),
    room(
      'host-knows-contracts',
      'the host deploys and runs the product as it is; it imports no function and no construct',
      '^host/',
      ['^host/', '^bin/synthesize[.]ts$', CONTRACTS, npm(SDK, '@prefresh/vite', 'vite', 'zod')],
      { usesNode },
    ),
    room(
      'cli-knows-contracts',
      'the command line uses the HTTP API, and the SDK for stages',
      '^cli/(?!smoke/)',
      [
        ...['^cli/', CONTRACTS, '^core/time[.]ts$', '^scripts/launch[.]mjs$', '^host/emulated-api[.]ts$'],
        npm(SDK, 'commander', 'p-map', 'zod'),
      ],
      { usesNode },
    ),
    room(
      'smoke-deploys-and-records',
      'the smoke test synthesizes a stage of its own, and records with the sample of the local host',
      '^cli/smoke/',
      [
        ...['^cli/', CONTRACTS, '^bin/(built-once|synthesize)[.]ts$', '^lib/stage[.]ts$'],
        '^host/(known-recording|poll|recording-client|users|word-error-rate)[.]ts$',
        npm(SDK, 'commander'),
      ],
      { usesNode },
    ),
    room(
      'mcp-knows-contracts',
      'the MCP server uses the HTTP API with the client of the command line',
      '^mcp/',
      ['^mcp/', '^cli/', CONTRACTS, '^core/time[.]ts$', '^scripts/launch[.]mjs$', npm('@modelcontextprotocol/server', 'zod')],
      { usesNode },
    ),
    room('pages-know-contracts', 'the pages run in browsers and use the HTTP API', '^web/(src/|service-worker[.]ts$)', [
      '^web/src/',
      CONTRACTS,
      '^core/transcripts/(paragraphs|spacing|timed-words)[.]ts$',
      npm('@preact/signals', 'idb', 'preact', 'uplot', 'zod'),
    ]),
    room('pages-build', 'the build of the pages imports nothing of the product', '^web/vite[.]config[.]ts$', [npm('vite')], {
      usesNode,
    }),
    room(
      'scripts-know-the-product',
      'scripts generate documents and estimates from contracts and the template; they import no host, function or client',
      '^scripts/',
      ['^(scripts|bin|lib)/', '^test/promises[.]ts$', CORE, '^lambdas/runtime/', npm('aws-cdk-lib', 'zod', 'zod-openapi')],
      { usesNode },
    ),
    room(
      'bench-measures-the-product',
      'benchmarks use the host, core, and the adapters; of the tests they import only support code',
      '^bench/',
      [
        '^(bench|host)/',
        CORE,
        '^lambdas/adapters/',
        '^test/(support/|browser/chromium[.]ts$)',
        npm(SDK, 'media-captions', 'p-map', 'playwright-core', 'zod'),
      ],
      { usesNode },
    ),
    rule(
      'every-file-has-a-room',
      'a file outside of the rooms above imports nothing; tests may import everything',
      { pathNot: '^(core|lambdas/[^/]+|lib|bin|host|cli|mcp|scripts|bench|test|web/src)/|^web/[^/]+[.]ts$|node_modules/' },
      {},
    ),
    rule('tests-stand-alone', 'nothing imports a test; what tests share is in test/support', {}, { path: '[.]test[.]tsx?$' }),
    rule('no-circular', 'imports have no cycles', {}, { circular: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(\\.local|cdk\\.out)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
