import { PAGES_CONFIG, PagesConfig } from '../../core/contracts/pages.ts';

let loaded: PagesConfig | undefined;

/** Loads the configuration of the stage once. @throws when it cannot be loaded */
export async function loadConfig(): Promise<PagesConfig> {
  loaded ??= PagesConfig.parse(await (await fetch(PAGES_CONFIG)).json());
  return loaded;
}

/** The configuration of the stage. main.tsx loads it before the pages are rendered. */
export function config(): PagesConfig {
  if (loaded === undefined) throw new Error('the configuration is not loaded yet');
  return loaded;
}
