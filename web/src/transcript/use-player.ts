import { useEffect, useMemo } from 'preact/hooks';
import { Player, type Section } from './player.ts';

/** A player for these sections. It is replaced when one of the inputs changes, and closed with the page. */
export function usePlayer(sections: () => Promise<readonly Section[]>, inputs: readonly unknown[]): Player {
  const player = useMemo(() => new Player(sections), inputs);
  useEffect(() => () => player.close(), [player]);
  return player;
}
