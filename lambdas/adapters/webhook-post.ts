/**
 * Sends one signed POST to a user's webhook address.
 *
 * The address guard runs in the connection's DNS lookup: all resolved addresses must be public, and the connection uses exactly
 * these addresses, so DNS rebinding has no effect. Redirects are not followed. A slow or endless response is cut off.
 */
import { type LookupAddress, lookup } from 'node:dns';
import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import { Webhook } from 'standardwebhooks';
import { type DeliveryRow, WEBHOOK_RESPONSE_BYTES, WEBHOOK_TIMEOUT_SECONDS } from '../../core/contracts/webhooks.ts';
import { type AddressRules, checkDeliveryUrl, literalAddress, mayConnect } from '../../core/webhooks/address.ts';
import type { Attempt } from '../../core/webhooks/ports.ts';
import { retryAfterSeconds } from '../../core/webhooks/retry-after.ts';

const BLOCKED = 'the address is not public';

/** DNS lookup and time limit of an attempt. */
interface Network {
  readonly resolve: typeof lookup;
  readonly timeoutMs: number;
}
const REAL: Network = { resolve: lookup, timeoutMs: 1000 * WEBHOOK_TIMEOUT_SECONDS };

/** A `lookup` that fails unless all resolved addresses are public. */
const guarded =
  (rules: AddressRules, resolve: typeof lookup): NonNullable<RequestOptions['lookup']> =>
  (hostname, options, callback) => {
    resolve(hostname, { all: true, verbatim: true }, (error, addresses) => {
      const found: readonly LookupAddress[] = addresses ?? [];
      const [first] = found;
      if (error !== null) callback(error, '', 0);
      else if (first === undefined || found.some(({ address }) => !mayConnect(address, rules)))
        callback(new Error(BLOCKED), '', 0);
      else if (options.all) callback(null, [...found]);
      else callback(null, first.address, first.family);
    });
  };

/** One signature for each valid secret; a receiver needs to know only one of them. */
function signatures(row: DeliveryRow, secrets: readonly string[], at: Date): string {
  return secrets.map((secret) => new Webhook(secret).sign(row.message_id, at, row.body)).join(' ');
}

const describeError = (error: unknown, isLate: boolean): string => {
  if (isLate) return `no response within ${WEBHOOK_TIMEOUT_SECONDS} s`;
  const { code, message } = error as NodeJS.ErrnoException;
  return message === BLOCKED ? BLOCKED : `the connection failed (${code ?? 'unknown'})`;
};

export const webhookPost =
  (rules: AddressRules, now: () => Date, { resolve: resolveName, timeoutMs }: Network = REAL) =>
  async (row: DeliveryRow, secrets: readonly string[]): Promise<Attempt> => {
    let url: URL;
    try {
      url = checkDeliveryUrl(row.url, rules);
    } catch {
      return { error: BLOCKED };
    }
    const literal = literalAddress(url);
    if (literal !== undefined && !mayConnect(literal, rules)) return { error: BLOCKED };
    const at = now();
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve) => {
      const request = (url.protocol === 'https:' ? https : http).request(
        url,
        {
          method: 'POST',
          agent: false,
          lookup: guarded(rules, resolveName),
          signal,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(row.body),
            'user-agent': 'Chunkscribe-Webhooks/1',
            'webhook-id': row.message_id,
            'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
            'webhook-signature': signatures(row, secrets, at),
          },
        },
        (response) => {
          let bytes = 0;
          const retryAfter = retryAfterSeconds(response.headers['retry-after'], now().getTime());
          const done = (): void => resolve({ status: response.statusCode ?? 0, retryAfterSeconds: retryAfter });
          response.on('data', (data: Buffer) => {
            bytes += data.length;
            if (bytes > WEBHOOK_RESPONSE_BYTES) response.destroy();
          });
          response.once('end', done);
          response.once('close', () => (signal.aborted ? resolve({ error: describeError(undefined, true) }) : done()));
          response.once('error', () => undefined);
        },
      );
      request.once('error', (error) => resolve({ error: describeError(error, signal.aborted) }));
      request.end(row.body);
    });
  };
