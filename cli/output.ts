/** What people read, and what scripts read: tables, or JSON with `--json`. */

type Cell = string | number | boolean | undefined | null;

const shown = (cell: Cell): string =>
  cell === undefined || cell === null ? '-' : cell === true ? 'yes' : cell === false ? 'no' : String(cell);

/** Columns as wide as they need; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(shown))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((row) => typeof row[column] === 'number');
  return lines
    .map((line) =>
      line
        .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name  value` lines. */
export const list = (entries: Readonly<Record<string, Cell>>): string => {
  const width = Math.max(...Object.keys(entries).map((name) => name.length));
  return Object.entries(entries)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(width)}  ${shown(value)}`)
    .join('\n');
};

/** Prints the value as JSON for scripts, or as `text` says for people. */
export function print<T>(isJson: boolean, value: T, text: (value: T) => string): void {
  console.log(isJson ? JSON.stringify(value, null, 2) : text(value));
}

/** A line that changes while something goes on; only where somebody watches. */
export function progress(isJson: boolean) {
  const isWatched = process.stderr.isTTY && !isJson;
  let last = '';
  return {
    say(line: string): void {
      if (line === last || isJson) return;
      last = line;
      process.stderr.write(isWatched ? `\r\u001b[K${line}` : `${line}\n`);
    },
    done(): void {
      if (isWatched && last !== '') process.stderr.write('\r\u001b[K');
    },
  };
}

const BAR = 24;
/** `[######......]  52 %` */
export const bar = (share: number): string => {
  const full = Math.round(BAR * Math.min(1, Math.max(0, share)));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor(100 * share)).padStart(3)} %`;
};

export const minutesAgo = (iso: string | undefined): string => {
  if (iso === undefined) return '-';
  const minutes = Math.round((Date.now() - Date.parse(iso)) / 60_000);
  return minutes < 120 ? `${minutes} min ago` : iso.slice(0, 16).replace('T', ' ');
};
