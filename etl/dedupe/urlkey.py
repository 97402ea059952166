"""The URL key: what is left of a URL when everything that doesn't name the article is gone.

The normalisation is our own and numbered: ids are made from it, so it must not change with a library's release.
It follows RFC 3986, section 6.2 (case, percent-encoding and path segments), and drops what the web adds: scheme,
``www.``, default ports, session ids, fragments, tracking parameters, a trailing slash and the order of the query.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

import idna

URL_KEY_VERSION: Final = 1

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# Parameters that tell where a reader came from, never which article it is.
_TRACKING_PREFIXES: Final = (
    "utm_",
    "mtm_",
    "pk_",
    "piwik_",
    "matomo_",
    "ga_",
    "hsa_",
    "itm_",
    "stm_",
    "at_custom",
    "ns_",
    "guce_",
    "wt_",
    "_hs",
    "vero_",
    "oly_",
    "trk_",
    "ref_",
    "fb_",
    "spr-",
    "_branch_",
)
_TRACKING_NAMES: Final = frozenset(
    """
    fbclid gclid gclsrc dclid gbraid wbraid msclkid twclid yclid ysclid ttclid li_fat_id igshid igsh epik rdt_cid
    mc_cid mc_eid mkt_tok hsctatracking s_cid s_kwcid ef_id xtor at_medium at_campaign at_link_id cmpid cmp
    icid ito ocid smid smtyp sc_cid sc_src spm trk trkcampaign ref referrer referer wt.mc_id wt.zmc
    guccounter _ga _gl __twitter_impression __tn__ sr_share social_share utm share_id sharetype partner_id
    phpsessid jsessionid
    """.split()
)
_SESSION_IN_PATH: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _tracking(name: str) -> bool:
    lowered = name.lower()
    return lowered in _TRACKING_NAMES or lowered.startswith(_TRACKING_PREFIXES)


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _normal_path(path: str) -> str:
    path = _SESSION_IN_PATH.sub("", path)
    path = _PERCENT.sub(_normal_escape, quote(path, safe="/%!$&'()*+,;=:@-._~"))
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


def _normal_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    kept = sorted((name, value) for name, value in pairs if not _tracking(name))

    def escape(part: str) -> str:
        return quote(part.encode("utf-8", "surrogateescape"), safe="-._~")

    return "&".join(f"{escape(name)}={escape(value)}" for name, value in kept)


@lru_cache(maxsize=4096)
def ascii_host(host: str) -> str:
    """The host in lower case and in ASCII (IDNA 2008 with the UTS 46 mapping), without a trailing dot."""
    host = host.lower().rstrip(".")
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return quote(host, safe="")


def host_of(url: str | None) -> str | None:
    """The host of a URL in ASCII without ``www.``; ``None`` when there is none."""
    if not url:
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return ascii_host(host).removeprefix("www.") if host else None


def url_key(url: str) -> str:
    """The key of an absolute http(s) URL: ``host[:port]/path[?query]``.

    Raises:
        ValueError: the URL is relative, has no host, an impossible port, or another scheme.
    """
    split = urlsplit(url.strip())
    scheme = split.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"no http or https URL: scheme {split.scheme!r}")
    host = host_of(url.strip())
    if not host:
        raise ValueError("the URL has no host")
    port = f":{split.port}" if split.port not in (None, _DEFAULT_PORTS[scheme]) else ""
    query = _normal_query(split.query)
    # Pages of the "hash-bang" time carry the article's name in the fragment.
    fragment = f"#{split.fragment}" if split.fragment.startswith("!") else ""
    return f"{host}{port}{_normal_path(split.path)}{'?' + query if query else ''}{fragment}"
