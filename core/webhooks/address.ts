/** Which addresses users may have us call: public ones, by TLS. On the local host loopback too, where receivers are tried. */
import ipaddr from 'ipaddr.js';
import { DomainError } from '../errors.ts';

export interface AddressRules {
  readonly allowLoopback: boolean;
}

/** Whether an IP address may be connected to; everything that is not a public unicast address is refused, also when mapped. */
export function mayConnect(address: string, { allowLoopback }: AddressRules): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return range === 'unicast' || (allowLoopback && range === 'loopback');
}

/** The literal address in a URL's host, if it is one; `URL` has already undone decimal, octal and hexadecimal forms. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? bare : undefined;
}

const refuse = (why: string): never => {
  throw new DomainError('invalid', `this address cannot be called: ${why}`);
};

/**
 * Looks at an address before it is taken. Names are looked up again at every call: they may point elsewhere by then.
 * @throws DomainError `invalid`
 */
export function checkWebhookUrl(text: string, rules: AddressRules): URL {
  const url = URL.canParse(text) ? new URL(text) : refuse('it is no URL');
  if (url.username !== '' || url.password !== '') refuse('it holds a password; the signature tells who calls');
  const address = literalAddress(url);
  const isLoopback = url.hostname === 'localhost' || (address !== undefined && ipaddr.process(address).range() === 'loopback');
  if (url.protocol !== 'https:' && !(rules.allowLoopback && isLoopback && url.protocol === 'http:'))
    refuse('it must begin with https://');
  if (address !== undefined && !mayConnect(address, rules)) refuse('it is not a public address');
  const isInner =
    /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(url.hostname) ||
    (address === undefined && !url.hostname.includes('.'));
  if (isInner && !(rules.allowLoopback && isLoopback)) refuse('it is no public name');
  return url;
}
