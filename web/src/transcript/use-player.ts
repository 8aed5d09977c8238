import { useEffect, useMemo } from 'preact/hooks';
import { Player, type SectionsFrom } from './player.ts';

/** A player for these sections. It is replaced when one of the inputs changes, and closed with the page. */
export function usePlayer(sections: SectionsFrom, inputs: readonly unknown[]): Player {
  const player = useMemo(() => new Player(sections), inputs);
  useEffect(() => () => player.close(), [player]);
  return player;
}
