/** Arguments of the commands that name speakers. */
import { MAX_SPEAKER_NAME } from '../core/contracts/speakers.ts';
import { removableText, textUpTo } from './options.ts';

/** Arguments of `argument()`. */
type Argument = [name: string, description: string, parse: (text: string) => string];

export const SPEAKER: Argument = ['<speaker>', 'a speaker as the text names it, such as S2', textUpTo(MAX_SPEAKER_NAME)];
export const NEW_NAME: Argument = [
  '<new-name>',
  'its name; that of another speaker merges the two; an empty one takes both back',
  removableText(MAX_SPEAKER_NAME),
];

export const namedText = (speaker: string, name: string): string =>
  name === '' ? `${speaker} has no name any more` : `${speaker} is ${name}`;
