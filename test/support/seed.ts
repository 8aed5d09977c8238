/** One seed for all properties, so that a check that passed here passes everywhere (FC_SEED=… looks elsewhere); no logs of functions. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_261_121) });
process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
