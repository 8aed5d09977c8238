/** Import rules (docs/adr/0001-rooms-and-functions.md). `npm run check` enforces them; test/repository plants a violation of each rule. */
const SDK = 'node_modules/(@aws-sdk|@smithy)/';
const CDK = 'node_modules/(aws-cdk-lib|constructs)/';
const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

module.exports = {
  forbidden: [
    rule(
      'core-is-pure',
      'core imports no AWS SDK, no middleware and no other room',
      { path: '^core/' },
      { path: `^(lambdas|lib|bin|host|scripts|test)/|${SDK}|${CDK}|node_modules/(@aws-lambda-powertools|@middy)/` },
    ),
    rule(
      'core-without-io',
      'core imports no Node modules except crypto',
      { path: '^core/' },
      { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    ),
    rule(
      'contracts-stand-alone',
      'contracts import no other part of core',
      { path: '^core/contracts/' },
      { path: '^core/(?!contracts/)' },
    ),
    rule(
      'lambdas-not-infrastructure',
      'functions import no infrastructure code',
      { path: '^lambdas/' },
      { path: `^(lib|bin|host|scripts|test)/|${CDK}` },
    ),
    rule(
      'handler-only-translates',
      'handlers receive their adapters as arguments',
      { path: '^lambdas/(?!adapters|runtime)[^/]+/handler[.]ts$' },
      { path: '^lambdas/adapters/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'functions-apart',
      'functions do not import from each other',
      { path: '^lambdas/(?!adapters|runtime)([^/]+)/' },
      { path: '^lambdas/(?!adapters|runtime|$1)[^/]+/' },
    ),
    rule(
      'adapters-know-core',
      'adapters import only core and the SDK',
      { path: '^lambdas/adapters/' },
      { path: '^lambdas/(?!adapters)' },
    ),
    rule(
      'lib-knows-contracts',
      'constructs import only contracts of core, and refer to handlers by path',
      { path: '^(lib|bin)/' },
      { path: '^(lambdas|host|scripts|test)/|^core/(?!contracts/)' },
    ),
    rule(
      'host-knows-contracts',
      'the host imports no function and no construct',
      { path: '^host/' },
      { path: '^(lambdas|lib|test)/|^core/(?!contracts/)' },
    ),
    rule(
      'clients-know-contracts',
      'the command line and the MCP server use the HTTP APIs',
      { path: '^(cli|mcp)/' },
      { path: '^(lambdas|lib|host|test)/|^core/(?!contracts/|time[.]ts)' },
    ),
    rule(
      'pages-know-contracts',
      'the pages use the HTTP API',
      { path: '^web/src/' },
      { path: '^(lambdas|lib|host|cli|bin|test)/|^core/(?!contracts/)' },
    ),
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
