"""When a known URL is asked for again: often while it is young, ever more rarely as it ages, then no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from etl.acquire.settings import AcquireSettings
from etl.acquire.state import Page

_LEAST_PAUSE: Final = timedelta(minutes=5)  # what is younger is asked for, conditionally, by every run
_FIRST_PAUSE: Final = timedelta(minutes=15)
_LONGEST_PAUSE: Final = timedelta(days=7)
_GONE_PAUSE: Final = timedelta(days=30)
_IDLE_GROWTH: Final = 1.5
_LARGEST_STRETCH: Final = 6.0


def next_visit(page: Page, settings: AcquireSettings) -> datetime | None:
    """The first moment at which a page that is known should be asked for again; None: not on its own account.

    A page is visited again when a share (one half) of its age at the last visit has passed since then, so that the
    number of visits grows with the logarithm of its age. After a failure the first further try may come at once,
    then the pauses double.
    """
    if page.last_outcome == "gone":
        return page.asked_at + _GONE_PAUSE
    if page.failures:
        pause = _FIRST_PAUSE * 2 ** min(page.failures - 2, 12) if page.failures > 1 else timedelta(0)
        return page.asked_at + min(pause, _LONGEST_PAUSE)
    if page.first_stored_at is None:
        return page.asked_at
    age = page.asked_at - page.first_stored_at
    pause = age * settings.revisit_share
    if pause < _LEAST_PAUSE:
        pause = timedelta(0)
    if page.etag is None and page.last_modified is None:
        pause = max(pause, settings.revisit_without_validator)
    due = page.asked_at + pause
    return due if due - page.first_stored_at <= settings.revisit_for else None


def is_due(page: Page | None, changed: datetime | None, now: datetime, settings: AcquireSettings) -> bool:
    """Whether a listed URL should be asked for now.

    Args:
        page: what is known of it.
        changed: when the feed or sitemap says that it changed last.
        now: this moment.
        settings: the revisit plan.
    """
    if page is None:
        return True
    if changed is not None and page.asked_at < changed <= now and not page.failures:
        return True
    young = page.first_stored_at is None or now - page.first_stored_at <= settings.revisit_for
    due = next_visit(page, settings)
    return due is not None and due <= now and (young or page.failures > 0)


def next_interval(every: timedelta, before: float, news: bool) -> float:
    """Seconds until a source is due again: longer while nothing new comes, up to six times ``every``."""
    base = every.total_seconds()
    if news:
        return base
    return min(max(before, base) * _IDLE_GROWTH, base * _LARGEST_STRETCH) if before else base
