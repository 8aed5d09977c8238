/**
 * zod for the pages, without code generation: zod probes for `eval`, which the pages' content policy forbids.
 * vite.config.ts resolves `zod` to this file, so that the setting applies before any schema is created.
 */
import { config } from 'zod/v4';

config({ jitless: true });

export * from 'zod/v4';
