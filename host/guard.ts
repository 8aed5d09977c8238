import type { IncomingMessage } from 'node:http';

/**
 * Returns the status with which a request to a local port is refused: 421 for another host name (DNS rebinding), 403 for another
 * origin. host/emulator/gate.py has the same rule; test/fixtures/contracts/local-requests.json is tested against both.
 * @param port port of the server
 * @param pagesPort port of the only origin that may call it @default port
 */
export function refusal({ headers }: Pick<IncomingMessage, 'headers'>, port: number, pagesPort = port): 403 | 421 | undefined {
  const names = (of: number): string[] => [`127.0.0.1:${of}`, `localhost:${of}`];
  if (!names(port).includes(headers.host ?? '')) return 421;
  const { origin } = headers;
  return origin !== undefined && !names(pagesPort).some((name) => origin === `http://${name}`) ? 403 : undefined;
}
