/** How `npm start` and `npm run service` select a model, with the worker's real command. */
import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { isEnglishOnly } from '../../core/contracts/languages.ts';
import { canonicalName, DEFAULT_MODEL, MULTILINGUAL_EXAMPLE } from '../../core/contracts/models.ts';
import { chooseModel, isSameModel, modelNote } from '../../host/model.ts';
import { PROTOCOL_MODEL } from '../support/protocol-model.ts';

const temporary = mkdtempSync(join(tmpdir(), 'chunkscribe-model-'));
beforeAll(() => {
  vi.stubEnv('CHUNKSCRIBE_MODELS', join(temporary, 'models'));
  vi.stubEnv('HF_HUB_OFFLINE', '1');
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true, force: true });
});

test('a folder selects the model in it', async () => {
  expect(await chooseModel(PROTOCOL_MODEL)).toEqual({ folder: PROTOCOL_MODEL, name: 'protocol.en', languages: 'en' });
});

test('without a request the default model is selected; an unavailable model is reported in one line [model.default]', async () => {
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', temporary);
  await expect(chooseModel()).rejects.toThrow(/^the model tiny\.en cannot be downloaded: [^\n]*HF_HUB_OFFLINE[^\n]*$/);
  await expect(chooseModel('no such model')).rejects.toThrow(/^there is no published model no such model; [^\n]*$/);
  await expect(chooseModel('--help')).rejects.toThrow(/^there is no published model --help; /);
});

test('a damaged folder is reported in one line', async () => {
  const copy = join(temporary, 'damaged');
  cpSync(PROTOCOL_MODEL, copy, { recursive: true });
  truncateSync(join(copy, 'model.bin'), 1000);
  await expect(chooseModel(copy)).rejects.toThrow(/^[^\n]*model\.bin is damaged: it ends too early[^\n]*$/);
});

test('an interrupted search ends at once', async () => {
  const controller = new AbortController();
  const search = chooseModel(PROTOCOL_MODEL, controller.signal);
  controller.abort();
  await expect(search).rejects.toThrow(/abort/i);
});

test('an English-only model has a note with the command for a multilingual one [model.shown]', async () => {
  const note = modelNote(await chooseModel(PROTOCOL_MODEL), 'npm start --');
  expect(note).toBe(
    'The model protocol.en transcribes English only. For other languages: npm start -- --model small (about 484 MB, once).',
  );
  expect(modelNote({ folder: '/m', name: 'base', languages: 'multilingual' }, 'npm start --')).toBeUndefined();
  expect([DEFAULT_MODEL, MULTILINGUAL_EXAMPLE.name].map(isEnglishOnly)).toEqual([true, false]);
});

test('the model of a running host is recognized by its name, by an alias, and by any path of its folder [model.shown]', async () => {
  const running = { folder: PROTOCOL_MODEL, name: 'protocol.en', languages: 'en' } as const;
  expect(await isSameModel(running, 'protocol.en')).toBe(true);
  expect(await isSameModel(running, join(PROTOCOL_MODEL, '..', basename(PROTOCOL_MODEL)))).toBe(true);
  expect(await isSameModel(running, 'tiny.en')).toBe(false);
  expect(await isSameModel({ ...running, name: 'large-v3' }, 'large')).toBe(true);
  expect(canonicalName('toString')).toBe('toString');
});
