"""Captures through a worker, with what isn't a capture kept at its place in the order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from etl.model import Capture, Record, Reject

Other = TypeVar("Other")
Mapper = Callable[[Iterable[Capture]], Iterator[tuple[Capture, Record | Reject]]]


def through(mapper: Mapper, items: Iterable[Capture | Other]) -> Iterator[Record | Reject | Other]:
    """Yields, in the items' order, what ``mapper`` makes of each capture and every other item as it is.

    ``mapper`` must answer in order; it may read ahead of its answers.
    """
    waiting: deque[Other | None] = deque()

    def captures() -> Iterator[Capture]:
        for item in items:
            if isinstance(item, Capture):
                waiting.append(None)
                yield item
            else:
                waiting.append(item)

    for _, result in mapper(captures()):
        while (other := waiting.popleft()) is not None:
            yield other
        yield result
    yield from (other for other in waiting if other is not None)
