/** Addresses that webhooks may call: public hosts by HTTPS. The local host also allows loopback addresses, to test receivers. */
import ipaddr from 'ipaddr.js';
import { DomainError } from '../errors.ts';

/** Rules for every delivery. */
export interface AddressRules {
  readonly allowLoopback: boolean;
}

/** Rules for an address that a user saves. */
export interface SavedAddressRules extends AddressRules {
  /** Ports of public addresses that are allowed in addition to 443. */
  readonly ports: readonly number[];
}

/**
 * The only IPv6 range that is assigned to networks. All others are refused, even if the library classifies them as unicast: other
 * prefixes embed IPv4 addresses (`::127.0.0.1`, NAT64), which gateways may translate.
 * @see https://www.iana.org/assignments/ipv6-address-space
 */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');
const HTTPS_PORT = 443;

/** Whether connections to an IP address are allowed: only to public unicast addresses. Mapped IPv4 addresses count as IPv4. */
export function mayConnect(address: string, { allowLoopback }: AddressRules): boolean {
  if (!ipaddr.isValid(address)) return false;
  const ip = ipaddr.process(address);
  const range = ip.range();
  if (range === 'loopback') return allowLoopback;
  return range === 'unicast' && (ip.kind() === 'ipv4' || ip.match(GLOBAL_IPV6));
}

/** The IP address in a URL's host, if it is one. `URL` has already normalized decimal, octal and hexadecimal forms. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return ipaddr.isValid(bare) ? bare : undefined;
}

const refuse = (why: string): never => {
  throw new DomainError('invalid', `this address cannot be called: ${why}`);
};

/** Whether the host is this machine, by name or by address. */
function isLoopback(url: URL): boolean {
  const address = literalAddress(url);
  return url.hostname === 'localhost' || (address !== undefined && ipaddr.process(address).range() === 'loopback');
}

/**
 * Checks an address before a delivery. Names are resolved again for each call, because they may change. The port is not checked:
 * older versions saved addresses with any port.
 * @throws DomainError `invalid`
 */
export function checkDeliveryUrl(text: string, rules: AddressRules): URL {
  const url = URL.canParse(text) ? new URL(text) : refuse('it is not a URL');
  if (url.username !== '' || url.password !== '')
    refuse('it contains credentials; webhooks are authenticated by their signature');
  const address = literalAddress(url);
  const isOwn = rules.allowLoopback && isLoopback(url);
  if (url.protocol !== 'https:' && !(isOwn && url.protocol === 'http:')) refuse('it must begin with https://');
  if (address !== undefined && !mayConnect(address, rules)) refuse('it is not a public address');
  const isInner =
    /(^|\.)(localhost|local|internal|home\.arpa)\.?$/.test(url.hostname) ||
    (address === undefined && !url.hostname.includes('.'));
  if (isInner && !isOwn) refuse('it is not a public host name');
  return url;
}

/**
 * Checks an address before it is saved: as for a delivery, and its port.
 * @throws DomainError `invalid`
 */
export function checkWebhookUrl(text: string, rules: SavedAddressRules): URL {
  const url = checkDeliveryUrl(text, rules);
  const allowed = [HTTPS_PORT, ...rules.ports];
  const port = url.port === '' ? HTTPS_PORT : Number(url.port);
  if (!allowed.includes(port) && !(rules.allowLoopback && isLoopback(url))) refuse(`its port must be ${allowed.join(', ')}`);
  return url;
}
