/** Time for the browser to read the data before its URL is revoked. */
const REVOKE_MS = 60_000;

/** Saves data as a file, as a download link does. */
export function saveAs(name: string, data: Blob): void {
  const url = URL.createObjectURL(data);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}
