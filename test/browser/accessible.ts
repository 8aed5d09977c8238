/** Checks of a page: accessibility (axe-core), overflow and layout shift. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import * as z from 'zod';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const Found = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ target: z.unknown(), failureSummary: z.string().optional() })) }),
);

/** Violations of WCAG 2.2 A and AA and of best practices, in the light and the dark color scheme. */
export async function violations(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(AXE);
    const result = Found.parse(
      await page.evaluate(
        'axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations)',
      ),
    );
    for (const { id, nodes } of result)
      found.push(
        ...nodes.map(({ target, failureSummary }) => `${colorScheme} ${id} ${JSON.stringify(target)}: ${failureSummary}`),
      );
  }
  return found;
}

/** Elements that are wider than the screen. Content of `.table-box` scrolls on its own and is not listed. */
export const overflows = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll('main *')].filter(
      (element) => element.getBoundingClientRect().right > width + 1 && element.parentElement?.closest('.table-box') === null,
    );
    return wide.map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 60)}`);
  });

/** Cumulative layout shift of the page so far. */
export const shifts = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += 'value' in entry && typeof entry.value === 'number' ? entry.value : 0;
        }).observe({ type: 'layout-shift', buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );
