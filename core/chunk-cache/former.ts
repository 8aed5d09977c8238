import type { ChunkRow } from '../contracts/rows.ts';

/** Final state and result of a row that is transcribed again, for its `former` attribute; undefined for an unfinished row. */
export const formerOf = ({ state, fence, result_key, error_message }: ChunkRow): ChunkRow['former'] =>
  state !== 'done' && state !== 'dead'
    ? undefined
    : {
        state,
        fence,
        ...(result_key !== undefined && { result_key }),
        ...(error_message !== undefined && { error_message }),
      };
