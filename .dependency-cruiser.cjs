/** Who may import whom (docs/adr/0001-rooms-and-functions.md). Checked by `npm run check`; test/repository plants a violation of each rule. */
const SDK = 'node_modules/(@aws-sdk|@smithy)/';
const CDK = 'node_modules/(aws-cdk-lib|constructs)/';
const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

module.exports = {
  forbidden: [
    rule(
      'core-is-pure',
      'core decides: no AWS, no middleware, no other room',
      { path: '^core/' },
      { path: `^(lambdas|lib|bin|host|scripts|test)/|${SDK}|${CDK}|node_modules/(@aws-lambda-powertools|@middy)/` },
    ),
    rule(
      'core-without-io',
      'core has no clock, files or network',
      { path: '^core/' },
      { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    ),
    rule('contracts-stand-alone', 'contracts know no decisions', { path: '^core/contracts/' }, { path: '^core/(?!contracts/)' }),
    rule(
      'lambdas-not-infrastructure',
      'functions know nothing of the stack',
      { path: '^lambdas/' },
      { path: `^(lib|bin|host|scripts|test)/|${CDK}` },
    ),
    rule(
      'handler-only-translates',
      'a handler gets its adapters handed in',
      { path: '^lambdas/(?!adapters|runtime)[^/]+/handler[.]ts$' },
      { path: '^lambdas/adapters/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'functions-apart',
      "never another function's folder",
      { path: '^lambdas/(?!adapters|runtime)([^/]+)/' },
      { path: '^lambdas/(?!adapters|runtime|$1)[^/]+/' },
    ),
    rule(
      'adapters-know-core',
      'adapters know core and the SDK',
      { path: '^lambdas/adapters/' },
      { path: '^lambdas/(?!adapters)' },
    ),
    rule(
      'lib-knows-contracts',
      'constructs know contracts only; handlers by path string',
      { path: '^(lib|bin)/' },
      { path: '^(lambdas|host|scripts|test)/|^core/(?!contracts/)' },
    ),
    rule(
      'host-knows-contracts',
      'the host knows no function and no construct',
      { path: '^host/' },
      { path: '^(lambdas|lib|test)/|^core/(?!contracts/)' },
    ),
    rule(
      'clients-know-contracts',
      'the command line and the MCP server are clients of the HTTP APIs',
      { path: '^(cli|mcp)/' },
      { path: '^(lambdas|lib|host|test)/|^core/(?!contracts/)' },
    ),
    rule(
      'pages-know-contracts',
      'the pages are a client of the HTTP API',
      { path: '^web/src/' },
      { path: '^(lambdas|lib|host|cli|bin|test)/|^core/(?!contracts/)' },
    ),
    rule('no-circular', 'no cycles', {}, { circular: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(\\.local|cdk\\.out)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
