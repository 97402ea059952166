"""Fixtures that integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acquire_server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    """An HTTP server on loopback without any page yet."""
    with serving() as running:
        yield running
