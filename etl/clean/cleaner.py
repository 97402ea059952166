"""``clean``: boilerplate out of an article's text, the rest untouched to the character."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from etl.clean.blocks import Removal, Stretch, blocks_of, cut_out, sentences_of, trimmed_blocks
from etl.clean.features import ADDRESSING, CJK_CHAR, INDEX, NAMES, WEIGHT, Alone, Page, Unit, tokens_of, word_kinds
from etl.clean.judge import Judge, Lexicon, load_judge
from etl.clean.literals import ANYTHING, Sighting
from etl.clean.markup import Marks, Markup, load_markup
from etl.clean.ruleset import (
    CLASSES,
    Rule,
    RuleSet,
    all_rules,
    fold,
    has_joined,
    rules_for,
    unit_text,
    unit_words,
)
from etl.model import Block, Cleaned, SpanClass
from etl.settings import get_settings

#: Raised by hand when the code judges differently; the data files speak for themselves.
_CODE_VERSION = "4"
_DATA = ("rules/*.toml", "words.toml", "lexicon.tsv", "usual.tsv", "judge.json", "markup.json")
#: Rules that are as good as certain, and what the words of a sentence must say beside a strong one.
_SENTENCE_THRESHOLD = 0.9
_SENTENCE_WORDS = 1.0
_QUOTED = re.compile(r':\s*"')
_QUOTATION, _REPORT_WORDS = re.compile(r'"[^"]*"'), 3
_SIGNALS = 5
_COMPANY = 3
_REMEMBERED_CHARS, _MOST_REMEMBERED, _MOST_SOURCES = 200, 4096, 64
_SENTENCE_CHARS = 180
_STATEMENT_CHARS = 50
#: What is a sentence of a story, and how much of a block must be such: stricter where the judge is sure.
_SURE = 0.8
_STORY_SCORES, _STORY_SHARES = (0.6, 0.0), (1 / 3, 1 / 2)
#: Where one neighbour goes, and where both do, the lexicon of usual wordings is asked too, since an appeal argues in
#: words that the other one may take for a story's: either this score is below, or it and twice the other's.
_USUAL_SCORES, _BOTH_SCORES = (math.inf, 0.4, 0.0), (math.inf, -3.5, -5.0)
_STORY_CHARS = 60
_STORY_SENTENCE = 30
_DENSITY = 2.5
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


#: The signal of a block that goes because it stands between two that go.
BETWEEN = "between blocks that go"

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
    source = Source(rules, language, judge.lexicon, denied)
    seen = _blocks(folded, found, source)
    page = Page([block.alone for block in seen])
    marks = (markup or load_markup()).read(trimmed or ())
    asked = page.asked([marks.speaks(row) for row in range(len(found))])
    matrix = page.features(asked)
    scores, leaves = judge.trees.judged(matrix)
    probabilities = {
        row: 1 / (1 + math.exp(-max(-30.0, min(30.0, marks.added(row, odds)))))
        for row, odds in zip(asked, scores.tolist(), strict=True)
    }
    gone = _gone(judge, page, marks, probabilities)
    for row, beside in [(row, (row - 1 in gone) + (row + 1 in gone)) for row in gone]:
        if _only_quotes(seen[row], source) or _mostly_story(
            folded, found[row], source, seen[row], probability=probabilities[row], beside=beside
        ):
            del gone[row]
    stripped = [(number, row) for number, row in enumerate(asked) if row in gone]
    contributions = judge.trees.contributions(leaves[[number for number, _ in stripped]]) if stripped else []
    removals: dict[int, list[Removal]] = {}
    for (_, row), weights in zip(stripped, contributions, strict=True):
        removal = _explained(
            judge, page, row, found[row], marks, weights=weights, probability=probabilities[row], eased=gone[row]
        )
        if removal.rule not in denied:
            removals[row] = [removal]
    for row, stretch in enumerate(found):
        if row not in removals and rules.can_speak(seen[row].held):
            removals[row] = _sentences(folded, stretch, source, seen[row])
    return cut_out(text, [removal for row in sorted(removals) for removal in removals[row]])


class Source(NamedTuple):
    """What is known of a text's blocks before they are read; ``denied``: the names of rules that don't count."""

    rules: RuleSet
    language: str
    lexicon: Lexicon
    denied: frozenset[str]


class Seen(NamedTuple):
    """A block by itself, with the literals of rules that it holds, and where they stand.

    ``at``: where the block begins in what ``sight`` was made of; nothing where its characters aren't the text's own.
    """

    alone: Alone
    held: int
    sight: Sighting | None = None
    at: int | None = None

    def holds(self, start: int, end: int) -> int | None:
        """What a stretch of the block holds, counted from the block's start; nothing where that isn't known."""
        return None if self.sight is None or self.at is None else self.sight.held(self.at + start, self.at + end)


def _blocks(folded: str, found: Sequence[Stretch], source: Source) -> list[Seen]:
    """The blocks of a text, each by itself."""
    rules, language, lexicon, denied = source
    met = _memory(source)
    pieces = [folded[start:end] for start, end in found]
    seen = {piece: block for piece in pieces if (block := met.get(piece)) is not None}
    new = {piece: unit_words(piece) for piece in pieces if piece not in seen}
    plains = [" ".join(words) for words in new.values()]
    text = "\n".join(plains)
    sight = rules.sight(text)
    # A sentence is looked at with its joined words apart as well, and holds more then.
    joined = has_joined(text)
    at = 0
    for (piece, words), plain in zip(new.items(), plains, strict=True):
        end = at + len(plain)
        held = sight.held(at, end)
        hits = [rule for rule in rules.match("  ".join(words), held) if rule.id not in denied]
        alone = Alone(Unit(plain, hits, tokens_of(plain)), language, lexicon)
        if joined and has_joined(plain):
            seen[piece] = block = Seen(alone, ANYTHING)
        else:
            seen[piece] = block = Seen(alone, held, sight, at if len(piece) == len(plain) else None)
        if len(piece) <= _REMEMBERED_CHARS:
            met[piece] = Seen(alone, block.held)
        at = end + 1
    return [seen[piece] for piece in pieces]


_MET: dict[Source, dict[str, Seen]] = {}


def _memory(source: Source) -> dict[str, Seen]:
    """Short blocks met before: the same labels and offers stand on all pages of a site."""
    if len(_MET) > _MOST_SOURCES or sum(map(len, list(_MET.values()))) > _MOST_REMEMBERED:
        _MET.clear()
    return _MET.setdefault(source, {})


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


def _gone(judge: Judge, page: Page, marks: Marks, probabilities: Mapping[int, float]) -> dict[int, float]:
    """The blocks that go by themselves, and those that go because they stand between such: by how much less was asked
    of them for that, in log-odds."""

    def asked(row: int, limit: float) -> float:
        return max(limit, marks.least(row, limit)) if page.basics[row].rules < WEIGHT["certain"] else limit

    alone = {row: asked(row, _threshold(judge, page, row)) for row in probabilities}
    gone = {row: 0.0 for row, limit in alone.items() if probabilities[row] >= limit}
    more: dict[int, float] | None = None
    while more is None or more:
        between = [(row, asked(row, limit)) for row, limit in _between(judge, page, gone) if row in alone]
        more = {
            row: _log_odds(alone[row]) - _log_odds(limit) for row, limit in between if probabilities[row] >= limit
        }
        gone |= more
    return gone


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _between(judge: Judge, page: Page, gone: Collection[int]) -> list[tuple[int, float]]:
    """Up to three blocks between two that go, and at which lower thresholds they go as well: a slogan between an
    offer's headline and its button."""
    limits, basics = judge.thresholds, page.basics
    out: list[tuple[int, float]] = []
    for above, below in pairwise(sorted(gone)):
        alone = below == above + 2
        offered = alone and basics[above].offer and basics[below].offer
        limit = limits.offered if offered else limits.between if alone else limits.among
        if below - above - 1 <= _COMPANY:
            out += [(row, limit) for row in range(above + 1, below) if not basics[row].against]
    return out


def _only_quotes(seen: Seen, source: Source) -> bool:
    """Whether a block speaks for stripping only by what it quotes: it reports what others say."""
    text = seen.alone.unit.text
    if '"' not in text or not any(rule.class_ != "content" for rule in seen.alone.unit.hits):
        return False
    words = unit_words(_QUOTATION.sub(" ", text))
    said = source.rules.match("  ".join(words))
    return len(words) >= _REPORT_WORDS and all(rule.class_ == "content" or rule.id in source.denied for rule in said)


def _is_told(tokens: Sequence[str], lexicon: Lexicon, beside: int, sure: bool) -> bool:
    """Whether a sentence's words are a story's. ``beside``: see ``_mostly_story``."""
    score = lexicon.score(tokens)
    if not beside or lexicon.usual is None:
        return score < _STORY_SCORES[sure]
    usual = lexicon.usual.score(tokens)
    return score < 0 and (usual < _USUAL_SCORES[beside] or 2 * score + usual < _BOTH_SCORES[beside])


def _mostly_story(
    folded: str, block: Stretch, source: Source, seen: Seen, *, probability: float, beside: int
) -> bool:
    """Whether most of a block is sentences of which nothing speaks for stripping: an offer stands in a paragraph of
    content, and the paragraph must not go with it. ``beside``: how many of its neighbours go."""
    sure = probability >= _SURE
    size = block.end - block.start
    # Chinese and Japanese say in a sentence of ten characters what takes others two or three times as many.
    dense = 1 if folded.isascii() or len(CJK_CHAR.findall(folded, block.start, block.end)) * 2 < size else _DENSITY
    pieces = sentences_of(folded, block.start, block.end)
    if len(pieces) < 2 or size * dense < _STORY_CHARS:
        return False
    story, question, offers, reported = 0, 0, [], False
    for start, end in pieces:
        piece = unit_text(folded[start:end])
        held = seen.holds(start - block.start, end - block.start)
        hits = source.rules.match(piece, held)
        offers.append(any(rule.class_ != "content" for rule in hits))
        reported = reported or (bool(hits) and not offers[-1])
        if offers[-1]:
            story -= question
        long = (end - start) * dense > _STORY_SENTENCE
        told = long and not offers[-1] and _is_told(tokens_of(piece), source.lexicon, beside, sure)
        story += (end - start) * told
        # "Have you seen something? Write to us."
        question = end - start if told and _asks_reader(folded[start:end], source.language) else 0
    # What stands between two offers is what is offered.
    between = len(pieces) > 2 and offers[0] and offers[-1]
    share = 1 / 4 if reported else _STORY_SHARES[sure]
    return any(offers) and not between and story > size * share


def _explained(
    judge: Judge,
    page: Page,
    row: int,
    block: Stretch,
    marks: Marks,
    *,
    weights: list[float],
    probability: float,
    eased: float,
) -> Removal:
    """Class, rule and strongest signals of a block that goes. ``weights``: of ``NAMES``; ``eased``: see ``_gone``."""
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
    if eased > 0:
        strongest.append((-eased, BETWEEN))
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


def _sentences(folded: str, block: Stretch, source: Source, seen: Seen) -> list[Removal]:
    """Sentences at the head and the end of a paragraph that stand for boilerplate by their wording alone."""
    pieces = sentences_of(folded, block.start, block.end)
    if len(pieces) < 2:
        return []
    found: dict[int, Removal] = {}
    for order in (range(len(pieces)), range(len(pieces) - 1, -1, -1)):
        for index in order:
            if index in found:
                break
            start, end = pieces[index]
            if end - start > _SENTENCE_CHARS:
                break
            offer = found.get(index + 1)
            if offer is not None and offer.class_ != "related" and _asks_reader(folded[start:end], source.language):
                # "What do you think? Write to us."
                found[index] = replace(offer, start=start, end=end)
                continue
            held = seen.holds(start - block.start, end - block.start)
            if held is not None and not source.rules.can_speak(held):
                break
            removal = _judged_sentence(folded, pieces[index], source, held)
            if removal is None:
                break
            found[index] = removal
    # A paragraph of which every sentence would go is the judge's affair, and it said no.
    return [found[index] for index in sorted(found)] if len(found) < len(pieces) else []


def _asks_reader(sentence: str, language: str) -> bool:
    """Whether a sentence is a question that addresses somebody."""
    if not sentence.endswith("?"):
        return False
    kinds = word_kinds().get(language, {})
    words = [word.strip("\"'(?,") for word in sentence.split()]
    # In German small letters make it "they" and "her".
    other = ("sie", "ih") if language == "de" else ()
    return any(kinds.get(word.lower(), 0) & ADDRESSING and not word.startswith(other) for word in words)


def _judged_sentence(folded: str, sentence: tuple[int, int], source: Source, held: int | None) -> Removal | None:
    start, end = sentence
    rules, _, lexicon, denied = source
    unit = unit_text(folded[start:end])
    hits = [rule for rule in rules.match(unit, held) if rule.id not in denied]
    # What is quoted is what somebody else said, be it an offer.
    if not hits or any(rule.class_ == "content" for rule in hits) or _QUOTED.search(unit) or unit.count('"') % 2:
        return None
    words = unit.split()
    said = lexicon.score(tokens_of(" ".join(words)))
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
