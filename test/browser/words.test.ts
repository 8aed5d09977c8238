/** The corrections page in two tabs at once. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { host } from '../host/support.ts';
import { violations } from './accessible.ts';
import { browser, expectError, newUser } from './support.ts';

const replacementOf = (page: Page, rule: number) => page.getByLabel(`Replacement of rule ${rule}`).inputValue();

async function add(page: Page, rule: number, recognized: string, replacement: string): Promise<void> {
  await page.getByRole('button', { name: 'Add a correction' }).click();
  await page.getByLabel(`Recognized text of rule ${rule}`).fill(recognized);
  await page.getByLabel(`Replacement of rule ${rule}`).fill(replacement);
}
const save = (page: Page) => page.getByRole('button', { name: 'Save' }).click();

test("a tab that would overwrite another tab's corrections gets a conflict, loads them, and keeps its own changes [corrections.two-tabs]", async () => {
  const context = await (await browser()).newContext();
  const { page: first } = await newUser(context);
  const second = await context.newPage();
  for (const page of [first, second]) {
    await page.goto(`${host.pagesUrl}/#/words`);
    await page.getByRole('button', { name: 'Save' }).waitFor();
  }
  await add(first, 1, 'jean', 'gene');
  await save(first);
  await first.getByText('Saved.').waitFor();

  await add(second, 1, 'typed', 'here');
  await second.getByLabel('Words and phrases').fill('hello');
  expectError(/409.*api\/corrections/);
  await save(second);
  await second.getByRole('alert').getByText('Another tab or device has changed the corrections').waitFor();
  expect(await violations(second)).toEqual([]);
  await second.getByRole('button', { name: 'Load newer corrections' }).click();
  await second.getByText('The newer corrections are loaded').waitFor();
  expect([await replacementOf(second, 1), await replacementOf(second, 2)]).toEqual(['gene', 'here']);
  await save(second);
  await second.getByText('Saved.').waitFor();

  await first.reload();
  await expect.poll(() => replacementOf(first, 2)).toBe('here');
  expect(await first.getByLabel('Words and phrases').inputValue()).toBe('hello');
  await context.close();
});
