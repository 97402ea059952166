"""Which addresses may be connected to, and how a URL is written before it is asked for.

The address that is checked is the address that is connected to: the check sits in the socket factory, after name
resolution, so that neither a redirect nor a name that changes its address between two look-ups (DNS rebinding)
gets past it. The denied networks are those of the IANA special-purpose registries that aren't globally reachable
(RFC 6890 and later), the transition prefixes that embed IPv4 addresses, multicast, and cloud metadata services.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from etl.acquire.settings import Network
from etl.dedupe.urlkey import ascii_host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in text.split())


# What `allow_private = true` opens: networks that an intranet uses.
_PRIVATE: Final = _networks("10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7")
# What stays shut unless it is listed by network.
_DENIED: Final = _networks(
    "0.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 "
    "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
    "::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fe80::/10 "
    "fec0::/10 ff00::/8"
)
# Instance metadata hands out credentials to whoever asks: never, whatever is allowed.
_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)


class UnsafeAddressError(OSError):
    """A connection that isn't made: the address is private, special or no web address at all."""


class Guard:
    """Decides which addresses may be connected to.

    Args:
        allow: True for the networks an intranet uses, or the networks that may be asked besides public ones.
    """

    def __init__(self, allow: bool | Sequence[Network] = False) -> None:
        self._allowed: tuple[Network, ...] = _PRIVATE if allow is True else tuple(allow) if allow else ()

    def refuse(self, address: str) -> str | None:
        """Why a connection to ``address`` (an IP address as text) is refused, or None."""
        try:
            parsed: Address = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return f"{address} is no IP address"
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        if parsed in _METADATA:
            return f"{parsed} is a metadata service"
        if any(parsed in network for network in self._allowed if network.version == parsed.version):
            return None
        for network in (*_DENIED, *_PRIVATE):
            if network.version == parsed.version and parsed in network:
                return f"{parsed} lies in {network}, which is not public"
        if not parsed.is_global or parsed.is_multicast:
            return f"{parsed} is not a public address"
        return None

    def check(self, address: str) -> None:
        """Refuse an address.

        Raises:
            UnsafeAddressError: it is not to be connected to.
        """
        reason = self.refuse(address)
        if reason is not None:
            raise UnsafeAddressError(reason)

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one address of a name; aiohttp connects it to exactly this address."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]))
        return socket.socket(family=family, type=kind, proto=protocol)


async def system_lookup(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class GuardedResolver(AbstractResolver):
    """Resolves names and keeps the addresses that the guard lets through."""

    def __init__(self, guard: Guard, lookup: Lookup = system_lookup) -> None:
        self._guard = guard
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The safe addresses of ``host``.

        Raises:
            OSError: the name has no address.
            UnsafeAddressError: it has none that may be connected to.
        """
        addresses = await self._lookup(host, port)
        refused: list[str] = []
        kept: list[ResolveResult] = []
        for address in addresses:
            reason = self._guard.refuse(address)
            if reason is not None:
                refused.append(reason)
                continue
            version = socket.AF_INET6 if ":" in address else socket.AF_INET
            if family in (socket.AF_UNSPEC, version):
                kept.append(
                    ResolveResult(
                        hostname=host,
                        host=address,
                        port=port,
                        family=version,
                        proto=0,
                        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    )
                )
        if refused and not kept:
            raise UnsafeAddressError(f"{host}: {refused[0]}")
        if not kept:
            raise OSError(f"{host} has no address")
        return kept

    async def close(self) -> None:
        """Nothing to release."""


class BadUrlError(ValueError):
    """A string that names no page on the web: another scheme, no host, an impossible port."""


_KEEP: Final = "%!$&'()*+,;=:@/-._~"
_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")


def _host(host: str) -> str:
    """The host in ASCII; numbers that browsers read as IPv4 addresses (``0x7f.1``, ``2130706433``) as such."""
    if ":" in host:
        return f"[{ipaddress.ip_address(host.partition('%')[0])}]"
    host = ascii_host(host)
    if _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        try:
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            raise BadUrlError(f"{host!r} is no host name and no IPv4 address") from None
    if not host or len(host) > 253 or re.search(r"[^a-z0-9._-]", host):
        raise BadUrlError(f"{host!r} is no host name")
    return host


def request_url(url: str) -> str:
    """``url`` as it is asked for: ASCII, host in lower case, without credentials and fragment.

    Escapes are kept as they are; what may not stand in a URL is escaped (RFC 3986), as browsers do.

    Raises:
        BadUrlError: it is no http or https URL with a host.
    """
    text = re.sub(r"[\t\r\n]", "", url.strip("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f \t\r\n"))
    try:
        # Browsers read a backslash as a slash; a parser that doesn't would see another host than they do.
        head, mark, tail = text.partition("?")
        parts = urlsplit(head.replace("\\", "/") + mark + tail)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        if scheme not in ("http", "https"):
            raise BadUrlError(f"scheme {scheme or 'none'!r} is neither http nor https")
        if not host:
            raise BadUrlError("the URL has no host")
        name = _host(host)
    except BadUrlError:
        raise
    except ValueError as error:
        raise BadUrlError(f"no URL: {error}") from None
    default = {"http": 80, "https": 443}[scheme]
    authority = name if port in (None, default) else f"{name}:{port}"
    path = quote(parts.path, safe=_KEEP) or "/"
    query = f"?{quote(parts.query, safe=_KEEP + '?')}" if parts.query else ""
    return f"{scheme}://{authority}{path}{query}"


def credentials(url: str) -> tuple[str, str, str] | None:
    """Origin, user and password of a URL with userinfo."""
    try:
        parts = urlsplit(url)
        if not parts.username:
            return None
        return origin(request_url(url)), unquote(parts.username), unquote(parts.password or "")
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def origin(url: str) -> str:
    """Scheme, host and port of a request URL: what a robots.txt is valid for."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}"


@lru_cache(maxsize=1024)
def host_name(url: str) -> str:
    """The host of a request URL without its port: what politeness counts requests for."""
    return re.sub(r":\d+$", "", origin(url).partition("://")[2])
