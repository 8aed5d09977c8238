/** Facts about the published models, from the worker's catalogue. */
import * as z from 'zod';
import models from '../../gpu-worker/src/gpu_worker/speech/models/models.json' with { type: 'json' };

const catalogue = z
  .object({
    default: z.string(),
    multilingual_example: z.string(),
    aliases: z.record(z.string(), z.string()),
    models: z.record(z.string(), z.object({ megabytes: z.number().optional() })),
  })
  .parse(models);

/** Model that a checkout uses by default. */
export const DEFAULT_MODEL = catalogue.default;

/** Resolves an alias of a published model; other names are returned unchanged. */
export const canonicalName = (name: string): string =>
  (Object.hasOwn(catalogue.aliases, name) ? catalogue.aliases[name] : undefined) ?? name;

/** A published multilingual model, and its download size. */
export const MULTILINGUAL_EXAMPLE = {
  name: catalogue.multilingual_example,
  megabytes: catalogue.models[catalogue.multilingual_example]?.megabytes,
};

/** Note for users of an English-only model. `command` is the command that takes `--model`. */
export function englishOnlyNote(model: string, command: string): string {
  const { name, megabytes } = MULTILINGUAL_EXAMPLE;
  const size = megabytes === undefined ? '' : ` (about ${megabytes} MB, once)`;
  return `The model ${model} transcribes English only. For other languages: ${command} --model ${name}${size}.`;
}
