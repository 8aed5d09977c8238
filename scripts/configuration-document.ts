/** Generates docs/configuration.md, the parameters of a stage, from lib/stage.ts. */
import * as z from 'zod';
import { Stage } from '../lib/stage.ts';

const HEAD = `# Configuration

Parameters of a stage, given as \`-c name=value\` or in \`cdk.context.json\`. All invalid values are reported together at synth. This page is generated from
\`lib/stage.ts\` by \`node scripts/launch.mjs scripts/documents.ts\`; a test checks that it is up to date.

| parameter | default | |
|---|---|---|
`;

const Documented = z.object({ description: z.string().min(1), absent: z.string().optional() });

function defaultOf(schema: z.ZodType, absent: string | undefined): string {
  const value = schema.parse(undefined);
  const text = typeof value === 'object' && value !== null ? Object.values(value).join(',') : String(value ?? '');
  return absent ?? (text === '' ? 'none' : `\`${text}\``);
}

/** Returns the text of docs/configuration.md. */
export const configurationDocument = (): string =>
  HEAD +
  Object.entries(Stage.shape)
    .map(([name, schema]) => {
      const { description, absent } = Documented.parse(schema.meta());
      return `| \`${name}\` | ${defaultOf(schema, absent)} | ${description} |\n`;
    })
    .join('');
