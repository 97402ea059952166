"""What a page's markup says of its blocks, beside their wording.

Named features of where a block stands (links, telling elements, words of class and id attributes) with weights fitted
by ``tools/train_markup.py``: a logistic regression with the judge's log-odds as a fixed offset (stacking, Wolpert
1992). ``markup.json`` holds them together with the lists of class words, and is meant to be read and reviewed.

A class word says something only where the story doesn't stand in it as well: a page whose body is wrapped in
``share-container`` or ``teaser`` says nothing by it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from etl.model import Block

MARKUP_FILE: Final = Path(__file__).parent / "markup.json"
#: Class words looked at as near a block; those of elements further up count as far.
_NEAREST: Final = 8
_PROSE_CHARS: Final = 80
_STORY_BLOCKS: Final = 5
_LONG_CHARS: Final = 60
_LINKED: Final = 0.6
_EVEN: Final = 0.5
_RUN: Final = 6
_PEERS: Final = 3
_OF_PEERS: Final = 3
#: Elements by the feature that they count for.
_ELEMENTS: Final[dict[str, str]] = {
    "<a>": "in link",
    "<aside>": "in aside",
    "<nav>": "in nav",
    "<footer>": "in nav",
    "<header>": "in header",
    "<form>": "in control",
    "<button>": "in control",
    "<label>": "in control",
    "<li>": "in list",
    "<figure>": "in figure",
    "<figcaption>": "in caption",
    "<blockquote>": "in quote",
    "<table>": "in table",
    "<dialog>": "in dialog",
    "[hidden]": "hidden",
}
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KINDS: Final = {
    **dict.fromkeys(("div", "section", "article"), "bare text"),
    "li": "list item",
    **dict.fromkeys(("td", "pre"), "cell"),
}
#: Where links to other stories stand: a linked block there is one.
_AMONG_OTHERS: Final = frozenset({"in aside", "class: related", "class above: related", "class: list"})
#: Places of other stories: their teasers are written like the story itself, so wording can't speak for them.
_OTHERS: Final = frozenset({"class: related", "links: among others"})
#: Groups of class words that are classes of boilerplate.
_CLASSES: Final = frozenset({"related", "newsletter", "promo", "ad", "comment", "share", "navigation", "player"})
_STANDFIRST: Final = "standfirst"
#: Up to the first paragraph, in a header and beside words for a standfirst, words such as these name it as well.
_HEAD_GROUPS: Final = frozenset({"related", "list", "title", "player"})


@dataclass(frozen=True, slots=True)
class Place:
    """What classes and telling elements say of a block: features, and what each was found in."""

    features: dict[str, float]
    found: dict[str, str]


class Markup:
    """Features and weights.

    Args:
        document: ``words`` (group to list of class words), ``weights`` (feature to log-odds), ``bias`` (log-odds of
            any block whose place is known), ``floor`` (the least log-odds by wording that these are added to),
            ``floor_others`` (the same among links to other stories), ``least`` (the least probability at which a
            block whose place is known may go) and ``least_cue`` (the same where its own wording shows what it is).

    Raises:
        ValueError: a class word stands in two groups.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.weights: dict[str, float] = dict(document["weights"])
        self.bias = float(document["bias"])
        self.floor = float(document["floor"])
        self.floor_others = float(document["floor_others"])
        self.least = float(document["least"])
        self.least_cue = float(document["least_cue"])
        self._group: dict[str, str] = {}
        for group, words in document["words"].items():
            for word in words:
                if self._group.setdefault(word, group) != group:
                    raise ValueError(f"{MARKUP_FILE.name}: {word!r} is in {self._group[word]!r} and in {group!r}")
        self.names: tuple[str, ...] = _names(tuple(document["words"]))

    def read(self, blocks: Sequence[Block]) -> Marks:
        """What the markup says of a page's blocks."""
        return Marks(self, blocks)

    def places(self, blocks: Sequence[Block]) -> list[Place | None]:
        """The features of a page's blocks in order; ``None`` where the place isn't known."""
        story = _story(blocks)
        links = [block.link_share or 0.0 for block in blocks]
        runs = _runs(links)
        peers = _peers(blocks)
        begins = next((row for row, block in enumerate(blocks) if _is_prose(block)), 0)
        known: dict[tuple[str, tuple[str, ...], bool], Place] = {}
        out: list[Place | None] = []
        for row, block in enumerate(blocks):
            share = block.link_share
            if share is None:
                out.append(None)
                continue
            key = (block.tag, block.classes, row <= begins)
            place = known.get(key)
            if place is None:
                place = known[key] = self._place(block, story, head=row <= begins)
            features = place.features | _own_links(block, share, runs[row])
            if share >= _LINKED and not _AMONG_OTHERS.isdisjoint(features):
                features["links: among others"] = 1.0
            beside = [links[other] >= _LINKED for other in (row - 1, row + 1) if 0 <= other < len(links)]
            if any(beside):
                features["links: beside"] = sum(beside) / 2
            if peers[row]:
                features["links: peers"] = peers[row]
            out.append(Place(features, place.found))
        return out

    def _place(self, block: Block, story: frozenset[str], *, head: bool) -> Place:
        features: dict[str, float] = {}
        found: dict[str, str] = {}
        words: list[str] = []
        for mark in block.classes:
            if mark[0] not in "<[":
                words.append(mark)
            elif mark not in story:
                name = _ELEMENTS.get(mark)
                if name is not None:
                    features[name] = 1.0
                    found.setdefault(name, mark)
        head = (
            head or "in header" in features or any(self._group.get(word) == _STANDFIRST for word in words[:_NEAREST])
        )
        for number, word in enumerate(words):
            group = None if word in story else self._group.get(word)
            if group is None or (head and group in _HEAD_GROUPS):
                continue
            near, far = f"class: {group}", f"class above: {group}"
            if number < _NEAREST:
                features[near] = 1.0
                found.setdefault(near, word)
            elif near not in features:
                features[far] = 1.0
                found.setdefault(far, word)
        outside = story.difference(block.classes)
        if outside:
            features["outside"] = round(len(outside) / len(story), 2)
        kind = _KINDS.get(block.tag)
        if kind is not None:
            features[kind] = 1.0
        return Place(features, found)

    def log_odds(self, place: Place) -> float:
        """What a block's place adds to its log-odds."""
        weights = self.weights
        return self.bias + sum([weights.get(name, 0.0) * value for name, value in place.features.items()])

    def signals(self, place: Place, block: Block) -> dict[str, float]:
        """What speaks for stripping, by names for people: ``markup: <aside>``, ``markup: class teaser``,
        ``markup: links 97 %``."""
        out: dict[str, float] = {}
        for name, value in place.features.items():
            weight = self.weights.get(name, 0.0) * value
            if weight > 0:
                label = f"markup: {self._label(name, place, block)}"
                out[label] = out.get(label, 0.0) + weight
        return out

    def _label(self, name: str, place: Place, block: Block) -> str:
        word = place.found.get(name)
        if name.startswith("class"):
            return f"class {word}"
        if word is not None:
            return word
        if name in ("links: beside", "links: peers"):
            return name
        if name.startswith("links: "):
            return f"links {round((block.link_share or 0.0) * 100)} %"
        return f"<{block.tag}>" if name == "heading" or name in _KINDS.values() else name


class Marks:
    """What the markup says of each block of a page; nothing of blocks whose place isn't known, or of given text."""

    def __init__(self, markup: Markup, blocks: Sequence[Block]) -> None:
        self._markup = markup
        self._blocks = blocks
        self._places = markup.places(blocks)
        self._odds = [None if place is None else markup.log_odds(place) for place in self._places]

    def _of(self, row: int) -> float | None:
        return self._odds[row] if row < len(self._odds) else None

    def speaks(self, row: int) -> bool:
        """Whether markup speaks for stripping a block at all."""
        odds = self._of(row)
        return odds is not None and odds > 0

    def added(self, row: int, wording: float) -> float:
        """A block's log-odds: by its wording, and what the markup adds."""
        place = self._places[row] if row < len(self._places) else None
        if place is None:
            return wording
        floor = self._markup.floor if _OTHERS.isdisjoint(place.features) else self._markup.floor_others
        return max(wording, floor) + (self._odds[row] or 0.0)

    def least(self, row: int, limit: float = 1.0) -> float:
        """The least probability at which a block may go without a certain rule. ``limit``: what its wording asks for;
        below one half, it shows by itself what the block is."""
        if self._of(row) is None:
            return 0.0
        return self._markup.least_cue if limit < _EVEN else self._markup.least

    def signals(self, row: int) -> dict[str, float]:
        """What speaks for stripping a block, by names for people, in log-odds."""
        place = self._places[row] if row < len(self._places) else None
        return {} if place is None else self._markup.signals(place, self._blocks[row])

    def kind(self, row: int) -> str | None:
        """The class of boilerplate that the nearest class words name, if any."""
        place = self._places[row] if row < len(self._places) else None
        for prefix in ("class: ", "class above: "):
            for name in () if place is None else place.features:
                if name.startswith(prefix) and name.removeprefix(prefix) in _CLASSES:
                    return name.removeprefix(prefix)
        return None


def _names(groups: Sequence[str]) -> tuple[str, ...]:
    """All features, in the order of the file."""
    links = ("all", "most", "half", "some", "long", "heading", "among others", "run", "beside", "peers")
    return (
        *(f"links: {name}" for name in links),
        *dict.fromkeys(_ELEMENTS.values()),
        "outside",
        "heading",
        *dict.fromkeys(_KINDS.values()),
        *(f"class: {group}" for group in groups),
        *(f"class above: {group}" for group in groups),
    )


def _is_prose(block: Block) -> bool:
    return block.end - block.start >= _PROSE_CHARS and block.link_share is not None and block.link_share < 0.3


def _story(blocks: Sequence[Block]) -> frozenset[str]:
    """The marks in which the story stands: at least half of its first paragraphs, or nearly all of the prose."""
    first: Counter[str] = Counter()
    every: Counter[str] = Counter()
    head = total = number = 0
    for block in blocks:
        if not _is_prose(block):
            continue
        size = block.end - block.start
        number += 1
        total += size
        counts = [every]
        if number <= _STORY_BLOCKS:
            head += size
            counts.append(first)
        for count in counts:
            for mark in block.classes:
                count[mark] += size
    near = {mark for mark, size in first.items() if size * 2 >= head}
    return frozenset(near.union(mark for mark, size in every.items() if size * 10 >= total * 9))


def _own_links(block: Block, share: float, run: int) -> dict[str, float]:
    """The features of a block's own links."""
    heading = block.tag in _HEADINGS
    if share < _LINKED:
        features = {"heading": 1.0} if heading else {}
        if share > 0:
            features["links: half" if share >= 0.3 else "links: some"] = 1.0
        return features
    features = {"links: all" if share >= 0.9 else "links: most": 1.0}
    if block.end - block.start >= _LONG_CHARS:
        features["links: long"] = 1.0
    if heading:
        features["links: heading"] = 1.0
    if run > 1:
        features["links: run"] = min(run, _RUN) / _RUN
    return features


def _runs(links: Sequence[float]) -> list[int]:
    """Of each block, how many linked ones in a row it stands among."""
    out = [0] * len(links)
    start = 0
    for row in range(len(links) + 1):
        if row == len(links) or links[row] < _LINKED:
            out[start:row] = [row - start] * (row - start)
            start = row + 1
    return out


def _peers(blocks: Sequence[Block]) -> list[float]:
    """Of each block, the mean share of links in blocks of the same make (tag and nearest marks), where there are
    three or more."""
    makes = [(block.tag, block.classes[:_PEERS]) for block in blocks]
    shares: defaultdict[tuple[str, tuple[str, ...]], list[float]] = defaultdict(list)
    for make, block in zip(makes, blocks, strict=True):
        if block.link_share is not None:
            shares[make].append(block.link_share)
    means = {make: sum(values) / len(values) for make, values in shares.items() if len(values) >= _OF_PEERS}
    return [means.get(make, 0.0) for make in makes]


@lru_cache(maxsize=1)
def load_markup() -> Markup:
    """The weights that ship, read once a process."""
    return Markup(json.loads(MARKUP_FILE.read_text(encoding="utf-8")))
