/** Lists in the order of recording. */
import { expect, test } from 'vitest';
import { recordingClient } from '../../host/recording-client.ts';
import { host } from '../host/support.ts';
import { violations } from './accessible.ts';
import { browser, newUser } from './support.ts';

test('recordings can be listed by when they were recorded, over all pages of the list [media.clock]', async () => {
  const { page, token } = await newUser(await (await browser()).newContext());
  const user = recordingClient(host.apiUrl, token);
  await user.createSession({ title: 'newest recorded', recordedAt: '2099-01-01T00:00:00Z' });
  for (let n = 1; n <= 50; n++) await user.createSession({ title: `other ${n}` });
  await user.createSession({ title: 'oldest recorded', recordedAt: '2001-01-01T12:00:00Z' });
  await page.goto(`${host.pagesUrl}/#/sessions`);
  const titles = (): Promise<string[]> => page.locator('.list-link strong').allTextContents();
  await expect.poll(titles).toHaveLength(50);
  expect((await titles())[0]).toBe('oldest recorded');
  await page.getByLabel('Order').selectOption('Newest recorded first');
  await expect.poll(titles).toHaveLength(52);
  expect([(await titles()).at(0), (await titles()).at(-1)]).toEqual(['newest recorded', 'oldest recorded']);
  expect(await page.locator('.list-link').last().textContent()).toContain('2001');
  expect(await violations(page)).toEqual([]);
});
