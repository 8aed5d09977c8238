import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { CreateJob, CreateSession } from '../../core/contracts/http.ts';
import {
  isEnglishOnly,
  LANGUAGES,
  languageName,
  languagesOf,
  requestedLanguage,
  spokenLanguages,
} from '../../core/contracts/languages.ts';
import { DomainError } from '../../core/errors.ts';
import { admitChoice } from '../../core/sessions/model-choice.ts';

const names = z.array(z.string());
const EXAMPLES = z
  .object({
    languages: z.record(z.string(), z.string()),
    requests: z.array(z.tuple([z.string(), z.looseObject({ kind: z.string(), code: z.string().optional() })])),
    englishOnly: names,
    multilingual: names,
    withoutCantonese: names,
  })
  .parse(JSON.parse(readFileSync(new URL('../fixtures/contracts/languages.json', import.meta.url), 'utf8')));

test('the languages equal those of the Python worker [language.doors]', () => {
  expect(LANGUAGES).toEqual(EXAMPLES.languages);
  expect(Object.keys(LANGUAGES)).toHaveLength(100);
});

describe('a requested language', () => {
  test.each(EXAMPLES.requests)('%j is parsed as the examples state', (text, right) => {
    expect(requestedLanguage(text)).toEqual(right);
  });

  test.each(EXAMPLES.requests)(
    '%j becomes the code of the model, or is refused with the list, in every API call [language.doors]',
    (text, right) => {
      const file = { filename: 'a.wav', contentType: 'audio/wav', sizeBytes: 1 };
      for (const parsed of [CreateSession.safeParse({ language: text }), CreateJob.safeParse({ ...file, language: text })]) {
        expect(parsed.success).toBe(right.kind !== 'unknown');
        expect(parsed.data?.language).toBe(right.code);
        if (!parsed.success)
          expect(parsed.error.issues).toMatchObject([{ path: ['language'], params: { languages: LANGUAGES } }]);
      }
    },
  );
});

describe('the languages of a model', () => {
  test('follow from its name', () => {
    for (const model of EXAMPLES.englishOnly) expect([model, languagesOf(model)]).toEqual([model, ['en']]);
    for (const model of EXAMPLES.multilingual) {
      expect([model, isEnglishOnly(model), languagesOf(model).includes('de')]).toEqual([model, false, true]);
      expect([model, languagesOf(model).includes('yue')]).toEqual([model, !EXAMPLES.withoutCantonese.includes(model)]);
    }
  });

  const refusal = (language: string, models: readonly string[], model?: string): string => {
    try {
      return admitChoice({ language, model }, models);
    } catch (error) {
      expect(error).toBeInstanceOf(DomainError);
      return error instanceof DomainError ? `${error.code}: ${error.message}` : '';
    }
  };

  test('are checked before anything is queued; the refusal names another model that supports the language [language.doors]', () => {
    expect(refusal('en', ['tiny.en'])).toBe('tiny.en');
    expect(refusal('de', ['base'])).toBe('base');
    expect(refusal('de', ['tiny.en'])).toMatch(/^invalid: the model tiny.en supports English only;.*option model/);
    expect(refusal('de', ['small.en', 'large-v3'])).toMatch(/request model large-v3/);
    expect(refusal('de', ['small.en', 'large-v3'], 'large-v3')).toBe('large-v3');
    expect(refusal('yue', ['small'])).toMatch(/does not support Cantonese/);
    expect(refusal('de', ['small.en'], 'huge')).toMatch(/has no model huge; it has small.en/);
  });
});

test('a transcript without speech has no language and shows that', () => {
  const segments = [{ language: 'en' }, { language: 'de' }, {}, { language: 'en' }];
  expect(spokenLanguages({ language: 'de', segments })).toEqual(['en', 'de']);
  expect(spokenLanguages({ language: 'en', segments: [] })).toEqual(['und']);
  expect([languageName('und'), languageName('de'), languageName('tlh')]).toEqual(['no speech', 'German', 'tlh']);
});
