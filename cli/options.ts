/**
 * Validates options and arguments. An invalid value is refused before any API call, with a line that names the option and the
 * accepted values.
 */
import { InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { STAGE_NAME } from '../core/contracts/fields.ts';
import { FORMATS } from '../core/contracts/formats.ts';
import { MAX_CHUNK_NUMBER } from '../core/contracts/limits.ts';
import { MAX_SPEAKERS } from '../core/contracts/speakers.ts';

/** Rows per list. @see ListQuery of core/contracts/http.ts */
const MAX_LISTED = 100;
const MAX_MODEL_NAME = 100;

const refuse = (takes: string): never => {
  throw new InvalidArgumentError(`It takes ${takes}.`);
};

export const wholeNumber =
  (from: number, to: number) =>
  (text: string): number =>
    /^\d{1,9}$/.test(text) && Number(text) >= from && Number(text) <= to
      ? Number(text)
      : refuse(`a whole number from ${from} to ${to}`);

export const matching =
  (pattern: RegExp, takes: string) =>
  (text: string): string =>
    pattern.test(text) ? text : refuse(takes);

export const textUpTo =
  (characters: number) =>
  (text: string): string =>
    text !== '' && text.length <= characters ? text : refuse(`1 to ${characters} characters`);

/** The same, or an empty text, which removes something. */
export const removableText =
  (characters: number) =>
  (text: string): string =>
    text === '' ? text : textUpTo(characters)(text);

/** A time in ISO 8601, in UTC or with its offset. */
export const isoTime = (text: string): string =>
  z.iso.datetime({ offset: true }).safeParse(text).success ? text : refuse('a time such as 2026-03-01T09:30:00Z');

/** An option with a fixed set of values. */
export const choice = (flags: string, description: string, words: readonly string[]): Option =>
  new Option(flags, description).choices(words);
export const formatOption = (): Option => choice('-f, --format <format>', 'format of the text', FORMATS).default('txt');

export const listLimit = wholeNumber(1, MAX_LISTED);
export const modelName = textUpTo(MAX_MODEL_NAME);
export const sessionId = matching(/^session_[A-Za-z0-9_-]{1,64}$/, 'a session id, as shown by session list');
export const jobId = matching(/^job_[A-Za-z0-9]{1,64}$/, 'a job id, as shown by file list');
export const sessionOrJobId = matching(
  /^(session_[A-Za-z0-9_-]{1,64}|job_[A-Za-z0-9]{1,64})$/,
  'a session or job id, as shown by session list and file list',
);
export const speakerCount = wholeNumber(1, MAX_SPEAKERS);
export const knownVoiceId = matching(/^[0-9A-Z]{26}$/, 'the id of a known voice, as shown by voices list');
export const chunkNumber = wholeNumber(1, MAX_CHUNK_NUMBER);
const stageName = matching(STAGE_NAME, 'the name of a stage: 2 to 16 lower-case letters, digits and hyphens');
/** Arguments of `option()` for commands that call AWS directly. */
export const stageOption: [string, string, (text: string) => string] = [
  '--stage <name>',
  'a stage on AWS, with the AWS credentials of the environment (without it: the local host)',
  stageName,
];
