/** Bundles all functions: one ESM file each, with its source map. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { builtOnce, PROJECT } from './built-once.ts';

/** Folders below lambdas/ that contain no function. */
const SHARED = ['adapters', 'runtime'];

/** Returns the folder that contains a folder for each function. @throws BuildFailure of esbuild */
export const buildFunctions = (): string =>
  builtOnce('functions', ['lambdas', 'core', 'package-lock.json'], (outdir) => {
    const folders = readdirSync(join(PROJECT, 'lambdas'), { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory() && !SHARED.includes(entry.name)).map(({ name }) => name);
    buildSync({
      absWorkingDir: PROJECT,
      entryPoints: Object.fromEntries(names.map((name) => [`${name}/index`, `lambdas/${name}/index.ts`])),
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      minify: true,
      sourcemap: true,
      sourcesContent: false,
      mainFields: ['module', 'main'],
      // The Lambda runtime includes the SDK: bundles stay small, and its security fixes need no deployment.
      external: ['@aws-sdk/*', '@smithy/*'],
      banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
      logLevel: 'silent',
    });
  });
