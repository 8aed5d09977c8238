/** The options of `npm start`, and their comparison with a running host. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { canonicalName, DEFAULT_MODEL } from '../core/contracts/models.ts';
import { type ChosenModel, isSameModel } from './model.ts';

const DEFAULT_PORT = 8080;
const DEFAULT_IDLE_SECONDS = 30;
const MAX_VALUE = 65_535;

const HELP = `npm start -- [options]     runs Chunkscribe on this machine; Ctrl+C stops it

  --model NAME|FOLDER   speech model: a published name (tiny.en, small.en, small, large-v3, …) or a CTranslate2 folder
                        (default ${DEFAULT_MODEL}: English only, downloaded once)
  --port N              port of the pages (default ${DEFAULT_PORT}; another one if it is taken)
  --idle-seconds N      the machine stops after this time without work (default ${DEFAULT_IDLE_SECONDS}; 120 on AWS)
  --known-voices        users may save voices of speakers, so that later texts suggest their names
  --help                this text`;

const Given = z.object({
  model: z.string().optional(),
  port: z.number().optional(),
  idleSeconds: z.number().optional(),
  knownVoices: z.boolean().optional(),
});
/** Options that were set on the command line. */
export type Given = z.infer<typeof Given>;
const Claim = z.object({ given: Given.default({}) });

export const portOf = ({ port }: Given): number => port ?? DEFAULT_PORT;
export const idleSecondsOf = ({ idleSeconds }: Given): number => idleSeconds ?? DEFAULT_IDLE_SECONDS;
const modelOf = ({ model }: Given): string => model ?? DEFAULT_MODEL;

/** Parses the command line. @throws Error that names the invalid option and its accepted values */
export function givenOptions(): Given {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      port: { type: 'string' },
      'idle-seconds': { type: 'string' },
      'known-voices': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  if (values.model === '') throw new Error('--model takes a published name or a folder, not an empty value');
  const whole = (name: string, text: string | undefined): number | undefined => {
    if (text === undefined || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_VALUE))
      return text === undefined ? undefined : Number(text);
    throw new Error(`--${name} takes a whole number from 1 to ${MAX_VALUE}, not ${text || 'an empty value'}`);
  };
  return {
    model: values.model,
    port: whole('port', values.port),
    idleSeconds: whole('idle-seconds', values['idle-seconds']),
    knownVoices: values['known-voices'],
  };
}

const isOneFolder = (one: string, other: string): boolean =>
  existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);

/**
 * Compares the running (or starting) host of a folder with the requested options. Returns the first difference as a message, or
 * undefined if all requested options match.
 * @param model model of the running host, if it is known already
 */
export async function differenceFrom(
  runFolder: string,
  model: ChosenModel | undefined,
  requested: Given,
): Promise<string | undefined> {
  const { given } = Claim.parse(JSON.parse(readFileSync(join(runFolder, 'host.json'), 'utf8')));
  const difference = (what: string, has: string | number, option: string): string =>
    `Its ${what} is ${has}; stop it with Ctrl+C, then start it with --${option}.`;
  if (requested.model !== undefined) {
    const [wanted, has] = [requested.model, modelOf(given)];
    const isSame =
      model === undefined
        ? canonicalName(wanted) === canonicalName(has) || isOneFolder(wanted, has)
        : await isSameModel(model, wanted);
    if (!isSame) return difference('model', model?.name ?? has, `model ${wanted}`);
  }
  if (requested.port !== undefined && requested.port !== portOf(given))
    return difference('port', portOf(given), `port ${requested.port}`);
  if (requested.idleSeconds !== undefined && requested.idleSeconds !== idleSecondsOf(given))
    return difference('idle time', `${idleSecondsOf(given)} s`, `idle-seconds ${requested.idleSeconds}`);
  if (requested.knownVoices === true && given.knownVoices !== true)
    return 'It has no known voices; stop it with Ctrl+C, then start it with --known-voices.';
  return undefined;
}
