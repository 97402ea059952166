"""``clean``: boilerplate out of an article's text, the rest untouched to the character."""

from __future__ import annotations

from collections.abc import Sequence

from etl.clean.blocks import Removal, blocks_of, cut_out, sentences_of, trimmed_blocks
from etl.clean.ruleset import Rule, fold, rules_for, unit_text
from etl.model import Block, Cleaned, SpanClass
from etl.settings import get_settings

RULES_VERSION = "1"

_STRENGTH = {"certain": 0.95, "strong": 0.75, "weak": 0.3}
_THRESHOLD = 0.9


def clean(
    text: str, *, language: str | None = None, site: str | None = None, blocks: Sequence[Block] | None = None
) -> Cleaned:
    """Strips boilerplate.

    Args:
        text: the extracted or given text, any storable Unicode.
        language: ISO 639-1 code or ``und``; without it the language is detected.
        site: the host the text comes from, for ``deny_rules`` of the settings.
        blocks: the text's blocks with what extraction knows of them; without them each line is one.

    Returns:
        The clean text and the removed spans: ``text`` is the clean text with the spans put back, to the character.
    """
    if language is None:
        from etl.language import detect  # heavy, and not needed by callers who know

        language = detect(text).language
    units = blocks_of(text) if blocks is None else trimmed_blocks(text, blocks)
    rules = rules_for(language)
    denied = _denied(site)
    folded = fold(text)
    removals: list[Removal] = []
    for block in units:
        removal = _judge(rules.match(unit_text(folded[block.start : block.end])), block.start, block.end, denied)
        if removal is None and block.end - block.start > 60:
            removals.extend(_sentences(text, folded, block, language, denied))
        elif removal is not None:
            removals.append(removal)
    return cut_out(text, removals)


def _sentences(text: str, folded: str, block: Block, language: str, denied: frozenset[str]) -> list[Removal]:
    """Sentences at the head and the end of a paragraph that stand for boilerplate by themselves."""
    pieces = sentences_of(text, block.start, block.end)
    if len(pieces) < 2:
        return []
    rules = rules_for(language)
    found: dict[int, Removal] = {}
    for order in (range(len(pieces)), range(len(pieces) - 1, -1, -1)):
        for index in order:
            start, end = pieces[index]
            hits = rules.match(unit_text(folded[start:end]))
            removal = _judge([rule for rule in hits if rule.sentence or rule.class_ == "content"], start, end, denied)
            if removal is None:
                break
            found[index] = removal
    return [found[index] for index in sorted(found)]


def _judge(hits: list[Rule], start: int, end: int, denied: frozenset[str]) -> Removal | None:
    hits = [rule for rule in hits if rule.id not in denied]
    against = any(rule.class_ == "content" for rule in hits)
    signals = {rule.id: _STRENGTH[rule.strength] for rule in hits if rule.class_ != "content"}
    if not signals or against:
        return None
    doubt = 1.0
    for weight in signals.values():
        doubt *= 1 - weight
    score = 1 - doubt
    if score < _THRESHOLD:
        return None
    best = max((rule for rule in hits if rule.class_ != "content"), key=lambda rule: _STRENGTH[rule.strength])
    class_: SpanClass = best.class_  # type: ignore[assignment]
    return Removal(start, end, class_, best.id, {"score": round(score, 3), "signals": signals})


def _denied(site: str | None) -> frozenset[str]:
    host = (site or "").lower().removeprefix("www.")
    names: set[str] = set()
    for entry in get_settings().deny_rules:
        head, _, rest = entry.partition(":")
        if rest and head.lower().removeprefix("www.") == host:
            names.add(rest)
        names.add(entry)
    return frozenset(names)
