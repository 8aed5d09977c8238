/** Output for users (tables and progress) and for scripts (JSON with `--json`). */

type Cell = string | number | boolean | undefined | null;

const shown = (cell: Cell): string =>
  cell === undefined || cell === null ? '-' : cell === true ? 'yes' : cell === false ? 'no' : String(cell);

/** A text table; numeric columns are right-aligned. */
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

/** Prints the value as JSON, or formatted by `text`. */
export function print<T>(isJson: boolean, value: T, text: (value: T) => string): void {
  console.log(isJson ? JSON.stringify(value, null, 2) : text(value));
}

/** In a log, a line is written at least this often, even without a new step. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Shows progress on stderr. In a terminal, one line is rewritten; in a log, a line is written for each new step and once a minute.
 * With `--json` nothing is written.
 */
export function progress(isJson: boolean) {
  const isTerminal = process.stderr.isTTY && !isJson;
  let lastLine = '';
  let lastStep = '';
  let lastMs = 0;
  return {
    /** @param step a log gets a new line when this changes */
    update(line: string, step = line): void {
      const isNew = isTerminal ? line !== lastLine : step !== lastStep || Date.now() - lastMs >= LOG_INTERVAL_MS;
      if (!isNew || isJson) return;
      process.stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
      lastLine = line;
      lastStep = step;
      lastMs = Date.now();
    },
    done(): void {
      if (isTerminal && lastLine !== '') process.stderr.write('\r\u001b[K');
    },
  };
}

/** Progress step for logs: one per ten percent. */
export const tenth = (share: number): number => Math.floor(10 * share);

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
