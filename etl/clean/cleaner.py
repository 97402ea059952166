"""``clean``: boilerplate out of an article's text, the rest untouched to the character."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from etl.clean.blocks import Removal, Stretch, blocks_of, cut_out, sentences_of, trimmed_blocks
from etl.clean.features import INDEX, NAMES, WEIGHT, Alone, Page, Unit, tokens_of
from etl.clean.judge import Judge, Lexicon, load_judge
from etl.clean.markup import Marks, Markup, load_markup
from etl.clean.ruleset import CLASSES, Rule, RuleSet, all_rules, fold, rules_for, unit_text, unit_words
from etl.model import Block, Cleaned, SpanClass
from etl.settings import get_settings

#: Raised by hand when the code judges differently; the data files speak for themselves.
_CODE_VERSION = "3"
_DATA = ("rules/*.toml", "words.toml", "lexicon.tsv", "usual.tsv", "judge.json", "markup.json")
#: Rules that are as good as certain, and what the words of a sentence must say beside a strong one.
_SENTENCE_THRESHOLD = 0.9
_SENTENCE_WORDS = 1.0
_QUOTED = re.compile(r':\s*"')
_SIGNALS = 5
_REMEMBERED_CHARS = 200
_SENTENCE_CHARS = 180
_STATEMENT_CHARS = 50
_STORY_CHARS = 100
_STORY_SCORE = 0.0
_STORY_LEAST = 0.98
#: Of two certain rules the one whose class says more: "subscribe to our newsletter" is a newsletter's.
_TELLING = ("paywall", "newsletter", "app", "login", "cookie", "comment", "share", "subscription", "promo")


def _version() -> str:
    """A hash of all that decides: it changes with any rule, weight or threshold."""
    digest = hashlib.sha256(_CODE_VERSION.encode())
    folder = Path(__file__).parent
    for pattern in _DATA:
        for path in sorted(folder.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{_CODE_VERSION}-{digest.hexdigest()[:12]}"


#: In ``deny_rules``: no rule strips anything, there or anywhere.
EVERY_RULE = "*"

#: What cleaned a text; stored with each record, so that it shows which ones today's rules would clean differently.
RULES_VERSION: str = _version()


def clean(
    text: str, *, language: str | None = None, site: str | None = None, blocks: Sequence[Block] | None = None
) -> Cleaned:
    """Strips boilerplate.

    Args:
        text: the extracted or given text, any storable Unicode.
        language: ISO 639-1 code or ``und``; without it the language is detected.
        site: the host the text comes from, for ``deny_rules`` and ``allow_rules`` of the settings.
        blocks: the text's blocks, sorted and disjoint, with what extraction knows of them; without them each line is
            a block.

    Returns:
        The clean text and the removed spans: ``text`` is the clean text with the spans put back, to the character.

    Raises:
        ValueError: the blocks overlap or reach beyond the text.
        ConfigurationError: a rule file is wrong.
    """
    if language is None:
        from etl.language import detect  # heavy, and not needed by callers who know

        language = detect(text).language
    return clean_with(load_judge(), text, language=language, denied=denied_rules(site), blocks=blocks)


def clean_with(
    judge: Judge,
    text: str,
    *,
    language: str,
    denied: frozenset[str] = frozenset(),
    blocks: Sequence[Block] | None = None,
    markup: Markup | None = None,
) -> Cleaned:
    """``clean`` by a given judge and given weights of markup, with the names of rules that must not strip."""
    trimmed = None if blocks is None else trimmed_blocks(text, blocks)
    found = blocks_of(text) if trimmed is None else [Stretch(block.start, block.end) for block in trimmed]
    if not found or EVERY_RULE in denied:
        return Cleaned(text)
    rules = rules_for(language)
    folded = fold(text)
    seen = [
        _seen(folded[start:end], rules, language, judge.lexicon, denied)
        if end - start > _REMEMBERED_CHARS
        else _remembered(folded[start:end], rules, language, judge.lexicon, denied)
        for start, end in found
    ]
    page = Page(seen)
    marks = (markup or load_markup()).read(trimmed or ())
    asked = page.asked([marks.speaks(row) for row in range(len(found))])
    matrix = page.features(asked)
    scores, leaves = judge.trees.judged(matrix)
    odds = scores.tolist()
    removals: dict[int, list[Removal]] = {}
    stripped: list[tuple[int, float]] = []
    for number, row in enumerate(asked):
        score = max(-30.0, min(30.0, marks.added(row, odds[number])))
        probability = 1 / (1 + math.exp(-score))
        limit = _threshold(judge, page, row)
        if page.basics[row].rules < WEIGHT["certain"]:
            limit = max(limit, marks.least(row, limit))
        if probability >= limit and (
            probability >= _STORY_LEAST or not _mostly_story(judge, folded, found[row], rules)
        ):
            stripped.append((number, probability))
    contributions = judge.trees.contributions(leaves[[number for number, _ in stripped]]) if stripped else []
    for (number, probability), weights in zip(stripped, contributions, strict=True):
        row = asked[number]
        removal = _explained(judge, page, row, found[row], marks, weights=weights, probability=probability)
        if removal.rule not in denied:
            removals[row] = [removal]
    for row, stretch in enumerate(found):
        if row not in removals:
            removals[row] = _sentences(judge, folded, stretch, rules, denied)
    return cut_out(text, [removal for row in sorted(removals) for removal in removals[row]])


def _seen(piece: str, rules: RuleSet, language: str, lexicon: Lexicon, denied: frozenset[str]) -> Alone:
    """A block by itself, with the rules that speak about it."""
    words = unit_words(piece)
    hits = [rule for rule in rules.match("  ".join(words)) if rule.id not in denied]
    plain = " ".join(words)
    return Alone(Unit(plain, hits, tokens_of(plain)), language, lexicon)


#: The same labels and offers stand on all pages of a site.
_remembered = lru_cache(maxsize=4096)(_seen)


def _threshold(judge: Judge, page: Page, row: int) -> float:
    limits, basics, text = judge.thresholds, page.basics[row], page.units[row].text
    score = basics.score
    if basics.against:
        return limits.report
    certain = basics.rules >= WEIGHT["certain"]
    if len(text) > limits.long_chars:
        return limits.long_rule if certain else limits.long
    if certain:
        return limits.rule
    statement = len(text) > _STATEMENT_CHARS and text.rstrip("\"')]").endswith((".", "。"))
    cue = score > limits.cue_score or (basics.rules >= WEIGHT["weak"] and score > limits.cue_floor)
    return limits.cue if cue and not statement else limits.context


def _mostly_story(judge: Judge, folded: str, block: Stretch, rules: RuleSet) -> bool:
    """Whether most of a block is sentences of which nothing speaks for stripping: an offer stands in a paragraph of
    content, and the paragraph must not go with it."""
    if block.end - block.start < _STORY_CHARS:
        return False
    pieces = sentences_of(folded, block.start, block.end)
    if len(pieces) < 2:
        return False
    story, offers = 0, []
    for start, end in pieces:
        piece = unit_text(folded[start:end])
        offers.append(any(rule.class_ != "content" for rule in rules.match(piece)))
        if not offers[-1] and end - start > _STATEMENT_CHARS and judge.lexicon.score(tokens_of(piece)) < _STORY_SCORE:
            story += end - start
    # What stands between two offers is what is offered.
    between = len(pieces) > 2 and offers[0] and offers[-1]
    return any(offers) and not between and story > (block.end - block.start) / 2


def _explained(
    judge: Judge, page: Page, row: int, block: Stretch, marks: Marks, *, weights: list[float], probability: float
) -> Removal:
    """Class, rule and strongest signals of a block that goes. ``weights``: of ``NAMES``."""
    unit = page.units[row]
    speaking = [rule for rule in unit.hits if rule.class_ != "content"]
    best = max(speaking, key=lambda rule: _rank(rule, weights), default=None)
    least = sorted(weights)[-_SIGNALS]
    # Equal weights are ordered by what they are called in the end.
    strongest = [
        (-weight, _label(name, speaking, unit, judge))
        for name, weight in zip(NAMES, weights, strict=True)
        if weight >= least and weight > 0
    ]
    strongest += [(-weight, name) for name, weight in marks.signals(row).items()]
    signals = {label: round(-weight, 2) for weight, label in sorted(strongest)[:_SIGNALS]}
    if best is not None:
        signals.setdefault(best.id, round(WEIGHT[best.strength], 2))
    evidence = {"score": round(probability, 4), "signals": signals}
    if best is not None and best.strength != "weak":
        return Removal(block.start, block.end, best.class_, best.id, evidence)  # type: ignore[arg-type]
    class_ = best.class_ if best is not None else marks.kind(row) or _class_without_rule(page, row)
    return Removal(block.start, block.end, class_, f"judge:{class_}", evidence)  # type: ignore[arg-type]


def _label(name: str, speaking: Sequence[Rule], unit: Unit, judge: Judge) -> str:
    """What a feature is called in the evidence: rule features by the first rule, the lexicon by the words."""
    if name.startswith("rule:"):
        return next((rule.id for rule in speaking if rule.class_ == name[5:]), name)
    return "words: " + ", ".join(judge.lexicon.strongest(unit.tokens)) if name == "lexicon" else name


def _rank(rule: Rule, weights: Sequence[float] = ()) -> tuple[float, int, float]:
    telling = len(_TELLING) - _TELLING.index(rule.class_) if rule.class_ in _TELLING else 0
    return WEIGHT[rule.strength], telling, max(0.0, weights[INDEX[f"rule:{rule.class_}"]]) if weights else 0.0


def _class_without_rule(page: Page, row: int) -> SpanClass:
    """What a block without any rule is: what the label above it says, else by its shape."""
    for above in range(row - 1, max(-1, row - 12), -1):
        labels = [rule for rule in page.units[above].hits if rule.scope == "label" and rule.strength == "certain"]
        if labels:
            return labels[0].class_  # type: ignore[return-value]
        if page.basics[above].story:
            break
    return "navigation" if page.units[row].text.count(" ") < 3 else "related"


def _sentences(judge: Judge, folded: str, block: Stretch, rules: RuleSet, denied: frozenset[str]) -> list[Removal]:
    """Sentences at the head and the end of a paragraph that stand for boilerplate by their wording alone."""
    pieces = sentences_of(folded, block.start, block.end)
    if len(pieces) < 2:
        return []
    found: dict[int, Removal] = {}
    for order in (range(len(pieces)), range(len(pieces) - 1, -1, -1)):
        for index in order:
            removal = None if index in found else _judged_sentence(judge, folded, pieces[index], rules, denied)
            if removal is None:
                break
            found[index] = removal
    # A paragraph of which every sentence would go is the judge's affair, and it said no.
    return [found[index] for index in sorted(found)] if len(found) < len(pieces) else []


def _judged_sentence(
    judge: Judge, folded: str, sentence: tuple[int, int], rules: RuleSet, denied: frozenset[str]
) -> Removal | None:
    start, end = sentence
    if end - start > _SENTENCE_CHARS:
        return None
    unit = unit_text(folded[start:end])
    hits = [rule for rule in rules.match(unit) if rule.id not in denied]
    # What is quoted is what somebody else said, be it an offer.
    if not hits or any(rule.class_ == "content" for rule in hits) or _QUOTED.search(unit) or unit.count('"') % 2:
        return None
    words = unit.split()
    said = judge.lexicon.score(tokens_of(" ".join(words)))
    # A label says what its sentence is when it is more than a word or two of an answer ("No comment.").
    label = said > 0 and (len(words) > 2 or not unit[0].isalnum())
    speaking = [
        rule for rule in hits if rule.sentence or (label and rule.scope == "label" and rule.strength == "certain")
    ]
    if not speaking:
        return None
    best = max(speaking, key=_rank)
    signals = {rule.id: WEIGHT[rule.strength] for rule in speaking}
    score = 1 - math.prod(1 - weight for weight in signals.values())
    # Reporters send readers to other stories as well ("more on this in our guide").
    strong = best.strength == "strong" and best.class_ != "related" and said >= _SENTENCE_WORDS
    if score < _SENTENCE_THRESHOLD and not strong:
        return None
    evidence = {"score": round(score, 4), "signals": signals}
    return Removal(start, end, best.class_, best.id, evidence)  # type: ignore[arg-type]


def denied_rules(site: str | None) -> frozenset[str]:
    """The names of rules that the settings deny on this host."""
    settings = get_settings()
    return _denied((site or "").lower().removeprefix("www."), settings.deny_rules, settings.allow_rules)


@lru_cache(maxsize=1024)
def _denied(host: str, denied: tuple[str, ...], allowed: tuple[str, ...]) -> frozenset[str]:
    """Of two entries that name a rule the one that says more decides (host and rule, host, rule, neither); of two
    that say as much the one that allows."""
    against, in_favour = _entries(host, denied), _entries(host, allowed)
    if EVERY_RULE not in against:
        names = set(against)
    elif not in_favour:
        return frozenset((EVERY_RULE,))
    else:
        names = {rule.id for rules in all_rules().values() for rule in rules} | {f"judge:{name}" for name in CLASSES}
    lowest = -1
    return frozenset(
        name
        for name in names
        if max(against.get(name, lowest), against.get(EVERY_RULE, lowest))
        > max(in_favour.get(name, lowest), in_favour.get(EVERY_RULE, lowest))
    )


def _entries(host: str, entries: tuple[str, ...]) -> dict[str, int]:
    """The rules that the entries name for a host, each with how much its entry says."""
    names: dict[str, int] = {}
    for entry in entries:
        where, _, rule = entry.partition(":")
        # `judge:promo` is a rule's name, not a host's rule.
        if not rule or where == "judge":
            rule, rank = entry, 0
        elif where.lower().removeprefix("www.") == host:
            rank = 2
        else:
            continue
        names[rule] = max(names.get(rule, -1), rank + (rule != EVERY_RULE))
    return names
