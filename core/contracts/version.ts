import packageJson from '../../package.json' with { type: 'json' };

/** Version of Chunkscribe; package.json is the only place that has it. */
export const VERSION: string = packageJson.version;
