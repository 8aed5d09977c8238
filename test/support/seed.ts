/** Sets one seed for all property tests, so that results are reproducible (override with FC_SEED), and silences function logs. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_261_121) });
process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT';
