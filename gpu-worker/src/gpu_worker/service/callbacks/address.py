"""Checks addresses of callbacks by the rules of core/webhooks/address.ts; both pass test/fixtures/webhook-addresses.json."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
GLOBAL_IPV6: Final = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that is assigned to networks. @see https://www.iana.org/assignments/ipv6-address-space"""
SPECIAL: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.175.48.0/24",  # AS112
        "2001::/23",  # protocol assignments, Teredo
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
"""Special networks that some versions of Python classify as public.

@see https://www.iana.org/assignments/iana-ipv4-special-registry
"""
INNER_NAME: Final = re.compile(r"(.*\.)?(localhost|local|internal|home\.arpa)\.?")
NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
"""A last label that makes a host an address, not a name. @see https://url.spec.whatwg.org/#ends-in-a-number-checker"""
NAME: Final = re.compile(r"[a-z0-9._-]+")
UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Characters that parsers treat differently."""
PATH_CHARACTERS: Final = "/%:@!$&'()*+,;=~-._?"


class Refused(ValueError):
    """This address may not be called; the message states why."""


@dataclass(frozen=True)
class Rules:
    """What may be called besides public https addresses on port 443."""

    allow_loopback: bool
    """Whether this machine may be called, also by http and on any port."""
    ports: Sequence[int] = ()


@dataclass(frozen=True)
class Address:
    """The destination of a callback. `host`: ASCII, without brackets."""

    scheme: str
    host: str
    port: int
    path: str


def is_public(address: str, allow_loopback: bool) -> bool:
    """Whether connections to an IP address are allowed. An IPv4-mapped address is checked as IPv4."""
    if "%" in address:
        return False
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return allow_loopback
    if ip.version == 6 and ip not in GLOBAL_IPV6:  # also refuses IPv4 embedded in other prefixes, such as NAT64
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in SPECIAL)


def _host(parts: SplitResult) -> str:
    """The host as it will be resolved. Raises ValueError, OSError."""
    host = parts.hostname or ""
    if "[" in parts.netloc:
        if "%" in host:
            raise ValueError("zone ids are local to a machine")
        return str(ipaddress.IPv6Address(host))
    host = unquote(host).encode("idna").decode().lower()
    if not NAME.fullmatch(host):
        raise ValueError
    bare = host.removesuffix(".")
    if NUMBER.fullmatch(bare.rpartition(".")[2]):  # decimal, octal, hexadecimal or short, as a connection would parse it
        return socket.inet_ntoa(socket.inet_aton(bare))
    return host


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _is_own(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and ipaddress.ip_address(literal).is_loopback)


def check_delivery(url: str, rules: Rules) -> Address:
    """Checks an address before a call; its name is resolved later.

    The port is not checked: addresses accepted by older versions may have any. Raises Refused.
    """
    try:
        if UNSAFE.search(url):
            raise ValueError
        parts = urlsplit(url)
        host, port = _host(parts), parts.port
    except (ValueError, OSError) as error:
        raise Refused("it is not a URL") from error
    if parts.username or parts.password:
        raise Refused("it contains credentials; callbacks are authenticated by their signature")
    own = rules.allow_loopback and _is_own(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and own):
        raise Refused("it must begin with https://")
    literal = _literal(host)
    if literal is not None and not is_public(literal, rules.allow_loopback):
        raise Refused("it is not a public address")
    inner = literal is None and ("." not in host or INNER_NAME.fullmatch(host) is not None)
    if inner and not own:
        raise Refused("it is not a public host name")
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=PATH_CHARACTERS)
    default = HTTPS_PORT if parts.scheme == "https" else HTTP_PORT
    return Address(parts.scheme, host, default if port is None else port, path)


def check(url: str, rules: Rules) -> Address:
    """Checks an address before it is accepted: it must be public and have an allowed port. Raises Refused."""
    address = check_delivery(url, rules)
    allowed = (HTTPS_PORT, *rules.ports)
    if address.port not in allowed and not (rules.allow_loopback and _is_own(address.host)):
        raise Refused(f"its port must be {', '.join(map(str, allowed))}")
    return address


def public_addresses(address: Address, rules: Rules) -> list[str]:
    """Resolves the host; all of its addresses must be allowed. Raises Refused, OSError."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    if not addresses or not all(is_public(one, rules.allow_loopback) for one in addresses):
        raise Refused("it is not a public address")
    return addresses
