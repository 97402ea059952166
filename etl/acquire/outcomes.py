"""The outcomes of asking for a URL: every article URL that is asked for has exactly one."""

from __future__ import annotations

from typing import Final, Literal

Outcome = Literal[
    "stored",
    "not_modified",
    "duplicate",
    "robots_denied",
    "excluded",
    "deferred",
    "unsafe_address",
    "redirect_loop",
    "http_4xx",
    "http_5xx",
    "gone",
    "timeout",
    "too_large",
    "wrong_type",
    "decode_error",
    "tls_error",
    "dns_error",
    "connection_error",
]

OUTCOMES: Final[dict[Outcome, str]] = {
    "stored": "the page is in the landing zone",
    "not_modified": "the server said 304, or sent the page that is already stored",
    "duplicate": "another URL of this run stands for the same page",
    "robots_denied": "robots.txt doesn't allow it, or couldn't be had (then nothing is allowed)",
    "excluded": "include, exclude or an opt-out that is set to skip keeps it out",
    "deferred": "not asked now; a later run does",
    "unsafe_address": "the address is private, special, or no http or https address at all",
    "redirect_loop": "redirects lead in a circle, nowhere, or over the limit",
    "http_4xx": "the server refused (status 400 to 499)",
    "http_5xx": "the server failed (status 500 to 599)",
    "gone": "the server said 410: taken down for good",
    "timeout": "no connection, no byte or no end within the limits",
    "too_large": "the page is larger than the limit",
    "wrong_type": "not a page (or not a feed, not a sitemap)",
    "decode_error": "the body's compression or structure is damaged",
    "tls_error": "the certificate or the TLS handshake is not valid",
    "dns_error": "the name has no address",
    "connection_error": "no connection, or it broke before the answer was whole",
}

SKIPPED: Final[frozenset[Outcome]] = frozenset({"duplicate", "robots_denied", "excluded", "deferred"})
FAILED: Final[frozenset[Outcome]] = frozenset(OUTCOMES) - SKIPPED - {"stored", "not_modified"}


class FetchError(Exception):
    """A URL that gave no page.

    Args:
        outcome: which of the outcomes it is.
        detail: a sentence for people; without credentials.
        status: the HTTP status, where one came.
        received: bytes of the body that arrived.
        passing: another try may help.
        retry_after: seconds that the server asked to wait.
        connected: a connection had been made.
    """

    def __init__(
        self,
        outcome: Outcome,
        detail: str,
        *,
        status: int | None = None,
        received: int = 0,
        passing: bool = False,
        retry_after: float | None = None,
        connected: bool = True,
    ) -> None:
        super().__init__(f"{outcome}: {detail}")
        self.outcome: Outcome = outcome
        self.detail = detail
        self.status = status
        self.received = received
        self.passing = passing
        self.retry_after = retry_after
        self.connected = connected
