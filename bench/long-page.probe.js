/** Runs in the transcript page before its own scripts: notes the first word, the whole text and long tasks; bench/long-page.ts reads them. */
const seen = { firstWordMs: 0, wholeMs: 0, tasks: [] };
new PerformanceObserver((list) => seen.tasks.push(...list.getEntries())).observe({
  type: 'longtask',
  buffered: true,
});

const paragraphs = () => document.querySelectorAll('[data-testid=words] p');
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const painted = () => new Promise((resolve) => setTimeout(() => resolve(performance.now())));

globalThis.probe = {
  /** Resolves when the first word and the last word, `finale`, are painted. */
  async loaded() {
    await seen.whole;
    return { firstWordMs: seen.firstWordMs, wholeMs: seen.wholeMs };
  },
  /** Longest task since the last call, and of those after the first word; 0 if none was longer than 50 ms. */
  async longestTask() {
    await new Promise((resolve) => setTimeout(resolve, 200)); // entries are delivered after their task
    const tasks = seen.tasks.splice(0);
    const longest = (from) => Math.max(0, ...tasks.filter(({ startTime }) => startTime >= from).map(({ duration }) => duration));
    return { ms: longest(0), afterFirstWordMs: longest(seen.firstWordMs) };
  },
  /** Numbers of nodes of the document, and of words of the text. */
  size() {
    const walker = document.createTreeWalker(document);
    let nodes = 1;
    while (walker.nextNode() !== null) nodes += 1;
    const words = [...paragraphs()].reduce((sum, { textContent }) => sum + textContent.trim().split(/\s+/).length, 0);
    return { nodes, words };
  },
  async scrollTo(part) {
    scrollTo(0, part * document.documentElement.scrollHeight);
    await frame();
    await frame();
  },
  /** Starts to measure: from the next event of this type until the third frame, which shows the results of its effects. */
  listen(type) {
    seen.response = new Promise((resolve) => {
      const start = async ({ timeStamp }) => {
        for (let left = 3; left > 0; left -= 1) await frame();
        resolve((await painted()) - timeStamp);
      };
      addEventListener(type, start, { capture: true, once: true });
    });
  },
  response: () => seen.response,
  frame,
};

async function watch() {
  while (!paragraphs()[0]?.textContent) await frame();
  seen.firstWordMs = await painted();
  while (![...paragraphs()].at(-1)?.textContent.trimEnd().endsWith('finale')) await frame();
  seen.wholeMs = await painted();
}
seen.whole = watch();
