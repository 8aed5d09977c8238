import { PAGES_CONFIG, PagesConfig } from '../../core/contracts/pages.ts';

let loaded: PagesConfig | undefined;

/** Reads what the stage says of itself, once. @throws when it cannot be had */
export async function loadConfig(): Promise<PagesConfig> {
  loaded ??= PagesConfig.parse(await (await fetch(PAGES_CONFIG)).json());
  return loaded;
}

/** The stage's configuration; main.tsx has loaded it before anything asks. */
export function config(): PagesConfig {
  if (loaded === undefined) throw new Error('the configuration is not loaded yet');
  return loaded;
}
