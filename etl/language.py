"""Text -> language. Deterministic: the same text gives the same answer in every process, order and machine.

Three kinds of evidence are added up, each of which a reader can check:

- **n-grams.** The profiles of langdetect (character 1- to 3-grams of 55 languages, counted on Wikipedia by Shuyo
  Nakatani, "Language Detection Library for Java", 2010) give a naive Bayes posterior. langdetect samples n-grams at
  random until it is sure; here all n-grams of the sample count once, as one sum of integers, so there is nothing to
  draw and no rounding that depends on the order of a sum or on the processor.
- **words and letters.** Closed-class words and letters that no neighbour has (``etl/data/language.toml``) tell
  prose from lists and filler, and the languages without a profile from those they would be taken for.
- **what the record says** and what is configured (``KLARTEXT_LANGUAGES``): a prior, which the text can outvote.

Where the sum leaves it open, seeded langdetect itself is asked as the arbiter. Confidences are calibrated by a
logistic regression (Platt, "Probabilistic Outputs for Support Vector Machines", 1999); ``bench/language.py`` fits
and measures them. Nothing has to be set up: the profiles are loaded when the first text comes (about 0.3 s).
"""

from __future__ import annotations

import html
import json
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from etl.model import LanguageGuess
from etl.settings import get_settings

UNDETERMINED: Final = LanguageGuess("und", 0.0)

# Sampling: four windows tell the language of a text that has one; where they contradict each other, up to 64 do.
WINDOW: Final = 128
WINDOWS: Final = 4
MOST_WINDOWS: Final = 64
MOST_WORD_CHARS: Final = 640

MIN_WORDS: Final = 4
MIN_LETTERS: Final = 12
MIN_UNSPACED_LETTERS: Final = 7
MIN_LETTERS_OF_FEW_WORDS: Final = 32

_SCALE: Final = 256.0  # log-likelihoods are held as whole multiples of 1/256 nat: exact sums in float32
_SMOOTHING: Final = 0.5 / 10_000  # langdetect's alpha over its base frequency
_SEED: Final = 0

# Classes of characters: four that are no letters, then letters and marks by script, then capitals by script.
_OTHER, _DIGIT, _BLANK, _CODE = range(4)
_LETTERS_FROM: Final = 4
_CAPITALS_FROM: Final = 36
_CLASSES: Final = 68
_CODE_SYMBOLS: Final = "{}[]<>=;_|\\#*+~^$@`"

# Script name -> ranges of code points; only letters and marks in them count.
_SCRIPTS: Final[tuple[tuple[str, tuple[tuple[int, int], ...]], ...]] = (
    (
        "latin",
        (
            (0x41, 0x24F),
            (0x250, 0x2AF),
            (0x1E00, 0x1EFF),
            (0x2C60, 0x2C7F),
            (0xA720, 0xA7FF),
            (0xFB00, 0xFB06),
            (0xFF21, 0xFF5A),
        ),
    ),
    ("greek", ((0x370, 0x3FF), (0x1F00, 0x1FFF))),
    ("cyrillic", ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F))),
    ("hy", ((0x530, 0x58F), (0xFB13, 0xFB17))),
    ("hebrew", ((0x590, 0x5FF), (0xFB1D, 0xFB4F))),
    ("arabic", ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF))),
    ("dv", ((0x780, 0x7BF),)),
    ("devanagari", ((0x900, 0x97F), (0xA8E0, 0xA8FF))),
    ("bengali", ((0x980, 0x9FF),)),
    ("pa", ((0xA00, 0xA7F),)),
    ("gu", ((0xA80, 0xAFF),)),
    ("or", ((0xB00, 0xB7F),)),
    ("ta", ((0xB80, 0xBFF),)),
    ("te", ((0xC00, 0xC7F),)),
    ("kn", ((0xC80, 0xCFF),)),
    ("ml", ((0xD00, 0xD7F),)),
    ("si", ((0xD80, 0xDFF),)),
    ("th", ((0xE00, 0xE7F),)),
    ("lo", ((0xE80, 0xEFF),)),
    ("bo", ((0xF00, 0xFFF),)),
    ("my", ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F))),
    ("ka", ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F))),
    ("am", ((0x1200, 0x139F), (0x2D80, 0x2DDF))),
    ("km", ((0x1780, 0x17FF), (0x19E0, 0x19FF))),
    ("ko", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))),
    ("kana", ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D))),
    (
        "han",
        (
            (0x2E80, 0x2FDF),
            (0x3005, 0x3007),
            (0x3105, 0x312F),
            (0x31A0, 0x31BF),
            (0x3400, 0x4DBF),
            (0x4E00, 0x9FFF),
            (0xF900, 0xFAFF),
            (0x20000, 0x323AF),
        ),
    ),
)
_SCRIPT_NAMES: Final = ("", *(name for name, _ in _SCRIPTS))  # "" for letters of all other scripts
_SCRIPT_IDS: Final = {name: index for index, name in enumerate(_SCRIPT_NAMES)}
_KANA: Final = _SCRIPT_IDS["kana"]
_HAN: Final = _SCRIPT_IDS["han"]
_UNSPACED_SCRIPTS: Final = frozenset({"th", "lo", "bo", "my", "km", "kana", "han"})

# The languages whose n-grams compete inside a script; every other profile's script has one language or is told by
# script alone (Chinese and Japanese by the share of kana).
_BY_NGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "latin": tuple(
        "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi".split()
    ),
    "cyrillic": ("bg", "mk", "ru", "uk"),
    "arabic": ("ar", "fa", "ur"),
    "devanagari": ("hi", "mr", "ne"),
    "bengali": ("bn",),
    "greek": ("el",),
    "hebrew": ("he",),
}

# Fitted by `bench/language.py fit`. Evidence is put on the scale of a text of a fixed size, because the n-grams and
# words of a text are far from independent: twice the text is not twice the certainty.
_NGRAMS: Final = 120.0
_WORDS: Final = 16.0
_WORD_WEIGHT: Final = 1.4
_LETTERS: Final = 100.0
_MOST_LETTERS: Final = 8.0
_LETTER_WEIGHT: Final = 3.0
_LACKED_SHARE: Final = 0.02  # of a text's characters, that letters are which a language can't avoid
_OTHER_PENALTY: Final = 3.0
_CHANCE: Final = 0.04
_USUAL_SHARE: Final = 0.35
_HOPELESS: Final = -30.0
_MOST_FOREIGN: Final = 12.0
_SURE: Final = 8.0
_LONE: Final = 20.0  # the lead of a language without competitor
_STRANGE: Final = 2.0
_DECLARED_WEIGHT: Final = 4.0
_UNEXPECTED_PENALTY: Final = 6.0
# Languages of few news sites, that short English and German texts are taken for most often.
_RARE: Final = dict.fromkeys(("af", "cy", "so", "sq", "sw", "tl"), 1.5)
_CALIBRATION: Final = (-1.892, 0.274, -0.147, -0.38, -0.07, 0.984, 0.71, -0.138, 0.181)
_LONE_SCRIPT: Final = (0.95, 0.99)  # confidence where the script alone tells, below and from 20 letters
_ARBITER_BELOW: Final = 0.9
_LEVEL: Final = 0.25
_MIN_CONFIDENCE: Final = 0.3


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


# Codes of ISO 639-2 and -3 and superseded ones -> the code that ``detect`` uses.
_SAME_LANGUAGE: Final = _pairs("""
    nb no nn no nob no nno no nor no cmn zh yue zh zho zh chi zh iw he in id ji yi mo ro sh sr fil tl tgl tl
    deu de ger de eng en fra fr fre fr spa es ita it por pt nld nl dut nl pol pl swe sv dan da tur tr jpn ja kor ko
    rus ru ukr uk ara ar ces cs cze cs slk sk slo sk hun hu ron ro rum ro bul bg ell el gre el fin fi hrv hr slv sl
    lit lt lav lv est et cat ca fas fa per fa heb he hin hi ind id vie vi tha th afr af glg gl isl is ice is srp sr
    bos bs bel be msa ms may ms zul zu xho xh eus eu baq eu gle ga cym cy wel cy sqi sq alb sq mkd mk mac mk swa sw
""")


def _unspaced_class() -> str:
    ranges = [(first, last) for name, spans in _SCRIPTS if name in _UNSPACED_SCRIPTS for first, last in spans]
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in [*ranges, (0xA000, 0xA48C)])


_UNSPACED: Final = _unspaced_class()
_WORD: Final = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_TOKEN: Final = re.compile(r"[^\W\d_]+")
# Soft hyphens and joiners stand inside words; combining marks belong to the letter before them.
_INSIDE_WORDS: Final = "\u00ad\u034f\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff"
_URL: Final = re.compile(r"https?://\S{1,2000}|www\.\S{1,2000}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")


_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")


@lru_cache(maxsize=2)
def _marks(*, astral: bool) -> re.Pattern[str]:
    """Combining marks and what else stands inside words; apart by plane, as ``re`` has a fast table for one only."""
    codes = [*range(0x10000, 0x20000), *range(0xE0100, 0xE01F0)] if astral else range(0x300, 0x10000)
    runs: list[list[int]] = []
    for code in codes:
        if unicodedata.category(chr(code))[0] != "M":
            continue
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return re.compile("[" + _INSIDE_WORDS + "".join(f"{chr(first)}-{chr(last)}" for first, last in runs) + "]+")


# Of Windows-1252, because Western texts have its quotes and dashes; no text has the bytes that it leaves open.
_WESTERN_WORDS: Final = bytes(
    ord("w") if _WORD.fullmatch(char) else ord(" ") for char in bytes(range(256)).decode("cp1252", "replace")
)


def word_count(text: str) -> int:
    """The number of words in ``text``.

    A word is a run of letters and digits of any script with the marks, soft hyphens and joiners inside it; an
    apostrophe, a hyphen and a point end it (``don't`` is two). In scripts that put no space between words (Chinese,
    Japanese, Thai, Lao, Khmer, Burmese, Tibetan, Yi) every letter counts as a word, marks don't.
    """
    try:
        raw = text.encode("cp1252")
    except UnicodeEncodeError:
        text = _marks(astral=False).sub("", text)
        if _ASTRAL.search(text):
            text = _marks(astral=True).sub("", text)
        return len(_WORD.findall(text))
    # The same for a table of 256 characters, of which the soft hyphen alone stands inside words.
    return len(raw.translate(_WESTERN_WORDS, b"\xad").split())


class _Words:
    """The word and letter lists, arranged for the questions that ``weigh`` asks."""

    def __init__(self) -> None:
        data = tomllib.loads((Path(__file__).parent / "data" / "language.toml").read_text(encoding="utf-8"))
        self.lists = {code: frozenset(words.split()) for code, words in data["known"].items()}
        self.letters: dict[str, frozenset[str]] = {}
        self.siblings: dict[str, frozenset[str]] = {}
        self.lacks: dict[str, dict[str, frozenset[str]]] = {}
        for code, entry in data["other"].items():
            self.lists[code] = frozenset(entry.get("words", "").split())
            self.letters[code] = frozenset(entry.get("letters", ""))
            self.lacks[code] = {winner: frozenset(letters) for winner, letters in entry.get("lacks", {}).items()}
            for winner in entry.get("near", ()):
                self.siblings[winner] = self.siblings.get(winner, frozenset()) | {code}
        self.others: frozenset[str] = frozenset(self.letters)
        self.usual_fit: dict[str, float] = data["fit"]
        self._scripts = {
            code: frozenset(map(_script_of, self.lists[code] | self.letters[code])) for code in self.letters
        }
        self._rivals: dict[str, tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]] = {}
        # What a token in the list, and one that isn't, says for a language against chance.
        self.share: dict[str, float] = {}
        self.gains: dict[str, tuple[float, float]] = {}
        for code in self.lists:
            share = self.share[code] = data["share"].get(code, _USUAL_SHARE)
            self.gains[code] = (math.log(share / _CHANCE), math.log((1 - share) / (1 - _CHANCE)))

    def in_script(self, code: str, script: str) -> bool:
        return script in self._scripts[code]

    def rivals(self, winner: str, script: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        """Words and letters that the winner by n-grams lacks, with the languages without a profile that have them."""
        found = self._rivals.get(winner)
        if found is None:
            codes = sorted(code for code in self.others if self.in_script(code, script))
            own = self.lists.get(winner, frozenset())
            # A single letter is an initial or a list's mark too often to raise a suspicion.
            words = _inverted(
                (code, frozenset(word for word in self.lists[code] - own if len(word) > 1)) for code in codes
            )
            letters = _inverted((code, self.letters[code]) for code in codes)
            usual = _profiles().usual_letters(winner, script, letters)
            found = self._rivals[winner] = (
                words,
                {letter: who for letter, who in letters.items() if letter not in usual},
            )
        return found


def _script_of(word: str) -> str:
    number = (int(_profiles().characters[ord(word[0])]) >> 12) - _LETTERS_FROM
    return _SCRIPT_NAMES[number] if 0 <= number < len(_SCRIPT_NAMES) else ""


def _inverted(sets: Iterable[tuple[str, frozenset[str]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code, members in sets:
        for member in members:
            found[member] = (*found.get(member, ()), code)
    return found


@lru_cache(maxsize=1)
def _words() -> _Words:
    return _Words()


class _GramProbabilities:
    """langdetect's table n-gram -> probability by language, looked up in arrays instead of 77 MB of lists."""

    def __init__(
        self, rows: dict[str, int], starts: list[int], columns: list[int], values: list[float], width: int
    ) -> None:
        self._rows, self._starts, self._columns, self._values, self._width = rows, starts, columns, values, width
        self._seen: dict[str, list[float]] = {}

    def __contains__(self, gram: object) -> bool:
        return gram in self._rows

    def __getitem__(self, gram: str) -> list[float]:
        found = self._seen.get(gram)
        if found is None:
            if len(self._seen) > 20_000:
                self._seen.clear()
            row = self._rows[gram]
            found = [0.0] * self._width
            for place in range(self._starts[row], self._starts[row + 1]):
                found[self._columns[place]] = self._values[place]
            self._seen[gram] = found
        return found


class _SeededFactory:
    """What langdetect's ``Detector`` asks of its factory."""

    def __init__(self, languages: list[str], table: _GramProbabilities) -> None:
        self.word_lang_prob_map = table
        self.langlist = languages
        self.seed = _SEED


class _Profiles:
    """langdetect's profiles as arrays.

    ``characters`` maps a code point to a packed word: bits 0-11 the character's number in the profiles (0 never, 1
    space, 2 in no profile), the bits above it its class. An n-gram's key is its characters' numbers in 12 bits each;
    a cuckoo hash table (Pagh and Rodler 2004) maps keys to matrix rows.
    """

    def __init__(self) -> None:
        from langdetect.detector_factory import PROFILES_DIRECTORY

        # Sorted, because the order of a folder's entries differs between file systems.
        paths = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))
        profiles = [json.loads(path.read_bytes()) for path in paths]
        self.languages: list[str] = [profile["name"] for profile in profiles]
        rows: dict[str, int] = {}
        for profile in profiles:
            for gram in profile["freq"]:
                rows.setdefault(gram, len(rows))
        self._rows = rows
        self.no_row = len(rows)
        entries = [self._entries(profile) for profile in profiles]
        self._entry_rows = np.concatenate([where for where, _ in entries])
        self._entry_values = np.concatenate([values for _, values in entries])
        self._entry_columns = np.repeat(np.arange(len(profiles)), [len(where) for where, _ in entries])
        self.matrices: dict[str, npt.NDArray[np.float32]] = {}
        for script, codes in _BY_NGRAMS.items():
            matrix = np.zeros((len(rows) + 1, len(codes)), np.float32)
            for column, code in enumerate(codes):
                where, values = entries[self.languages.index(code)]
                matrix[where, column] = np.rint(np.log1p(values / _SMOOTHING) * _SCALE)
            self.matrices[script] = matrix
        numbers = {character: index + 3 for index, character in enumerate(sorted(set("".join(rows)) - {" "}))}
        numbers[" "] = 1
        self.characters = _character_table(numbers)
        self._fill_slots(numbers)

    def _entries(self, profile: dict[str, Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        grams: dict[str, int] = profile["freq"]
        where = np.fromiter(map(self._rows.__getitem__, grams), np.int64, len(grams))
        counts = np.fromiter(grams.values(), np.float64, len(grams))
        lengths = np.fromiter(map(len, grams), np.int64, len(grams))
        return where, counts / np.array([1, *profile["n_words"]], np.float64)[lengths]

    _MULTIPLIERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
    _SHIFT: Final = np.uint64(64 - 18)

    def _fill_slots(self, numbers: dict[str, int]) -> None:
        count = self.no_row
        padded = "".join(gram.rjust(3, "\0") for gram in self._rows)
        codes = np.frombuffer(padded.encode("utf-32-le"), np.uint32).reshape(count, 3)
        local = np.zeros(0x110000, np.uint64)
        for character, number in numbers.items():
            local[ord(character)] = number
        parts = local[codes]
        keys = (parts[:, 0] << np.uint64(24)) | (parts[:, 1] << np.uint64(12)) | parts[:, 2]
        places = [((keys * multiplier) >> self._SHIFT).astype(np.int64) for multiplier in self._MULTIPLIERS]
        slots = np.full(1 << 18, count, np.int64)
        side = np.zeros(count, np.int8)
        homeless = np.arange(count)
        # At a load of a third every key finds one of its two places within some twenty rounds.
        for _ in range(1000):
            if not len(homeless):
                break
            wanted = np.where(side[homeless] == 0, places[0][homeless], places[1][homeless])
            evicted = slots[wanted]
            slots[wanted] = homeless
            settled = slots[wanted] == homeless
            evicted = evicted[settled & (evicted < count)]
            homeless = np.concatenate([evicted, homeless[~settled]])
            side[homeless] ^= 1
        else:
            raise RuntimeError("langdetect's profiles don't fit the hash table: this klartext needs langdetect 1.0.9")
        self._slots = slots.astype(np.int32)
        self._slot_keys = np.append(keys, np.uint64(0))[slots]

    def rows(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """The matrix rows of n-gram keys; ``no_row`` for n-grams in no profile and for key 0."""
        found: npt.NDArray[np.int32] | np.int32 = np.int32(self.no_row)
        for multiplier in self._MULTIPLIERS:
            # Eighteen bits: the same number as a signed one, which take() doesn't have to convert.
            place = ((keys * multiplier) >> self._SHIFT).view(np.int64)
            found = np.where(
                self._slot_keys.take(place, mode="clip") == keys, self._slots.take(place, mode="clip"), found
            )
        assert isinstance(found, np.ndarray)  # noqa: S101 - for the type checker
        return found

    def usual_letters(self, code: str, script: str, letters: Iterable[str]) -> frozenset[str]:
        """Those of ``letters`` that the language's own texts use, by its profile: one in 5,000 characters or more."""
        from langdetect.utils.ngram import NGram

        column = self.matrices[script][:, _BY_NGRAMS[script].index(code)]
        floor = math.log1p(1 / 5000 / _SMOOTHING) * _SCALE
        return frozenset(
            letter for letter in letters if column[self._rows.get(NGram.normalize(letter), self.no_row)] >= floor
        )

    @cached_property
    def arbiter(self) -> _SeededFactory:
        """What makes langdetect's own detectors; its probabilities are the profiles', to the bit."""
        order = np.argsort(self._entry_rows, kind="stable")
        starts = np.searchsorted(self._entry_rows[order], np.arange(self.no_row + 1))
        table = _GramProbabilities(
            self._rows,
            starts.tolist(),
            self._entry_columns[order].tolist(),
            self._entry_values[order].tolist(),
            len(self.languages),
        )
        return _SeededFactory(self.languages, table)


def _character_table(numbers: dict[str, int]) -> npt.NDArray[np.uint32]:
    from langdetect.utils.ngram import NGram

    number = np.full(0x110000, 2, np.uint32)
    for character, own in numbers.items():
        number[ord(character)] = own
    # langdetect folds some blocks into one character; it has no n-grams of others beyond these.
    for code in range(0x3400):
        folded = NGram.normalize(chr(code))
        number[code] = numbers.get(folded, 2)
    for character, folded in NGram.CJK_MAP.items():
        number[ord(character)] = numbers.get(folded, 2)
    number[0xAC00:0xD7A4] = numbers.get(NGram.normalize("\uac00"), 2)
    script = np.zeros(0x110000, np.uint32)
    for name, spans in _SCRIPTS:
        for first, last in spans:
            script[first : last + 1] = _SCRIPT_IDS[name]
    classes = np.full(0x110000, _OTHER, np.uint32)
    plain = {"N": _DIGIT, "Z": _BLANK}
    for code in range(0x20000):
        category = unicodedata.category(chr(code))
        if category[0] in "LM":
            classes[code] = (_CAPITALS_FROM if category in ("Lu", "Lt") else _LETTERS_FROM) + script[code]
        elif category[0] in plain:
            classes[code] = plain[category[0]]
    classes[0x20000:0x323B0] = _LETTERS_FROM + _HAN
    for code in (*range(0x20), 0x85):
        classes[code] = _BLANK
    for character in _CODE_SYMBOLS:
        classes[ord(character)] = _CODE
    return number | (classes << np.uint32(12))


@lru_cache(maxsize=1)
def _profiles() -> _Profiles:
    return _Profiles()


@dataclass(slots=True)
class _Reading:
    """What the windows of a text say: the language most of the prose is in, as far as n-grams and scripts tell."""

    script: str = ""
    label: str = ""
    text: str = ""  # the windows in that language, one after the other
    letters: int = 0  # in these windows
    grams: int = 0  # of these windows that a profile knows
    asked_grams: int = 0
    scores: dict[str, float] | None = None  # log-likelihood by language, in nats; None where the script tells
    mixed: bool = False


def _tidy(piece: str) -> str:
    """Without entities, addresses, soft hyphens and joiners; letters and their marks composed."""
    if "&" in piece:
        piece = html.unescape(piece)  # what a sloppy extractor left escaped
    if "://" in piece or "www." in piece or "@" in piece:
        piece = _URL.sub(" ", piece)
    if not piece.isascii():
        piece = _JOINERS.sub("", piece)
        if _COMBINING.search(piece):
            piece = unicodedata.normalize("NFC", piece)
    return piece


# The non-joiner stays: the Persian profile was counted with a space in its place.
_JOINERS: Final = re.compile(f"(?!\u200c)[{_INSIDE_WORDS}]")
_COMBINING: Final = re.compile("[\u0300-\u036f]")


def _windows(text: str, most: int) -> tuple[list[str], int]:
    """At most ``most`` windows of equal size, padded with blanks: all of the text, or evenly spaced parts of it."""
    if len(text) <= most * WINDOW:
        text = _tidy(text)
        # A window has to be long enough to contradict the others: short texts are read as one.
        size = WINDOW if len(text) > 2 * WINDOW else max(1, -(-len(text) // 16)) * 16
        return [text[start : start + size].ljust(size) for start in range(0, len(text), size)], size
    pieces = []
    for index in range(most):
        start = index * (len(text) - WINDOW) // (most - 1)
        # A window begins with a whole word, where words are spaced.
        space = text.find(" ", start, start + 24) if index else -1
        start = space + 1 if space >= 0 else start
        pieces.append((" " + _tidy(text[start : start + WINDOW - 1]))[:WINDOW].ljust(WINDOW))
    return pieces, WINDOW


_PROSE_LETTERS: Final = 0.68
_PROSE_CODE: Final = 0.06
_KANA_SHARE: Final = 0.1
_CAPITALS: Final = 0.6
_CONTRADICTION: Final = 5.0  # nats, at 60 n-grams
_SPACE: Final = np.uint64(1)
_TWELVE: Final = np.uint64(12)
_TWENTY_FOUR: Final = np.uint64(24)


def _class_counts(packed: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """How many characters of each class each window has, shape (windows, classes)."""
    windows = len(packed)
    offsets = np.arange(0, windows * _CLASSES, _CLASSES, dtype=np.int64)[:, None]
    places = (packed >> np.uint32(12)) + offsets
    return np.bincount(places.ravel(), minlength=windows * _CLASSES).reshape(windows, _CLASSES)


_CODE_MARKS: Final = re.compile(
    r"[^\W\d]\(|[^\W\d]\.[^\W\d]{2}|\w_\w|[^\W\d],[\w\"']|[{}]\s|;[ \t]*\n|[=!<>]=|[-=]>|\)[:;{]|\t"
)


def _is_code(text: str, tokens: int) -> bool:
    """Whether calls, dotted and snake_case names, operators or unspaced separators stand too thick for prose."""
    # Counting is cheap, so that only suspicious texts are searched.
    suspicious = sum(map(text.count, "_={}\t;"))
    for sign in ",.":
        suspicious += text.count(sign) - text.count(sign + " ") - text.count(sign + "\n")
    suspicious += text.count("(") - text.count(" (")
    if suspicious < 4 or suspicious * 8 < tokens:
        return False
    marks = sum(1 for _ in _CODE_MARKS.finditer(text))
    return marks >= 4 and marks * 8 >= tokens


def _packed(pieces: list[str]) -> npt.NDArray[np.uint32]:
    codes = np.frombuffer("".join(pieces).encode("utf-32-le", "surrogatepass"), np.uint32)
    return _profiles().characters.take(codes, mode="clip").reshape(len(pieces), -1)


def _read(text: str, most: int) -> _Reading | None:
    """Reads windows of ``text``; ``None`` when it isn't prose."""
    pieces, size = _windows(text, most)
    if not pieces:  # nothing but soft hyphens and joiners
        return None
    packed = _packed(pieces)
    counts = _class_counts(packed)
    # langdetect leaves out words in capitals; where all is in capitals, nothing would be left.
    loud = counts[:, _CAPITALS_FROM:].sum(1) > _CAPITALS * counts[:, _LETTERS_FROM:].sum(1)
    if loud.any():
        for index in np.flatnonzero(loud).tolist():
            pieces[index] = pieces[index].lower()[:size].ljust(size)
        packed = _packed(pieces)
        counts = _class_counts(packed)
    by_script = counts[:, _LETTERS_FROM:_CAPITALS_FROM] + counts[:, _CAPITALS_FROM:]
    letters = by_script.sum(1)
    visible = size - counts[:, _BLANK]
    prose = (letters > _PROSE_LETTERS * visible) & (counts[:, _CODE] <= _PROSE_CODE * visible) & (letters > 0)
    if 2 * int(visible[prose].sum()) <= int(visible.sum()):
        return None
    japanese = by_script[:, _KANA] >= _KANA_SHARE * (by_script[:, _KANA] + by_script[:, _HAN])
    by_script[:, _HAN] += by_script[:, _KANA]
    by_script[:, _KANA] = 0
    dominant = by_script.argmax(1)

    labels = [""] * len(pieces)
    sums: dict[int, npt.NDArray[np.float32]] = {}
    grams: _Grams | None = None
    for script in sorted(set(dominant[prose].tolist())):
        members = np.flatnonzero(prose & (dominant == script))
        name = _SCRIPT_NAMES[script]
        if name in _BY_NGRAMS:
            grams = grams or _grams(packed, dominant)
            sums[script] = _sums(grams.rows if len(members) == len(pieces) else grams.rows[:, members], name)
            own = _labels(sums[script], grams.known[members], name)
        elif script == _HAN:
            own = ["ja" if kana else "zh" for kana in japanese[members].tolist()]
        else:
            own = [name] * len(members)
        for index, label in zip(members.tolist(), own, strict=True):
            labels[index] = label
    weights: Counter[str] = Counter()
    for label, count in zip(labels, letters.tolist(), strict=True):
        weights[label] += count if label else 0
    winner = max(sorted(weights), key=weights.__getitem__)
    if not winner:
        return None
    chosen = np.array([label == winner for label in labels])
    script = int(dominant[chosen][0])
    reading = _Reading(
        script=_SCRIPT_NAMES[script],
        label=winner,
        text="".join(pieces if chosen.all() else [pieces[index] + " " for index in np.flatnonzero(chosen).tolist()]),
        letters=int(letters[chosen].sum()),
        mixed=len(weights) > 1 + ("" in weights),
    )
    if script in sums and grams is not None:
        members = np.flatnonzero(prose & (dominant == script))
        totals = sums[script][chosen[members]].sum(0, dtype=np.float64) / _SCALE
        reading.scores = dict(zip(_BY_NGRAMS[reading.script], totals.tolist(), strict=True))
        reading.grams = int(grams.known[chosen].sum())
        reading.asked_grams = int(grams.asked[chosen].sum())
    return reading


def _labels(sums: npt.NDArray[np.float32], known: npt.NDArray[np.int64], script: str) -> list[str]:
    """A language for each window: the best of them all, unless the window contradicts it clearly."""
    codes = _BY_NGRAMS[script]
    best = int(sums.sum(0, dtype=np.float64).argmax())
    scale = np.minimum(known, 60) / np.maximum(known, 1) / _SCALE
    contradicts = (sums.max(1) - sums[:, best]) * scale > _CONTRADICTION
    return [
        codes[top] if other else codes[best] for top, other in zip(sums.argmax(1).tolist(), contradicts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Grams:
    """The n-grams of windows: their matrix rows, shape (3, windows, size), and how many of each window count."""

    rows: npt.NDArray[np.int32]
    known: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]


def _grams(packed: npt.NDArray[np.uint32], dominant: npt.NDArray[np.int64]) -> _Grams:
    """The windows' n-grams, cut as langdetect cuts them.

    No n-gram spans a space, capitals after a capital are left out, Latin words in another script's text too.
    """
    ids = (packed & np.uint32(0xFFF)).astype(np.uint64)
    latin = _SCRIPT_IDS["latin"]
    classes = packed >> np.uint32(12)
    if (foreign := dominant != latin).any():
        latins = (classes == _LETTERS_FROM + latin) | (classes == _CAPITALS_FROM + latin)
        ids[latins & foreign[:, None]] = _SPACE
    current = ids.ravel()
    upper = classes.ravel() >= _CAPITALS_FROM
    before = np.empty_like(current)
    before[0] = _SPACE
    before[1:] = current[:-1]
    earlier = np.empty_like(current)
    earlier[0] = _SPACE
    earlier[1:] = before[:-1]
    skip = np.zeros(len(current), bool)
    skip[1:] = upper[1:] & upper[:-1]
    space = current == _SPACE
    first = before == _SPACE
    keys = np.empty((3, len(current)), np.uint64)
    keys[0] = current
    keys[0][skip | space] = 0
    np.bitwise_or(before << _TWELVE, current, out=keys[1])
    np.bitwise_or(earlier << _TWENTY_FOUR, keys[1], out=keys[2])
    keys[1][skip | (space & first)] = 0
    keys[2][skip | first] = 0
    profiles = _profiles()
    rows = profiles.rows(keys).reshape(3, *packed.shape)
    return _Grams(rows, (rows != profiles.no_row).sum((0, 2)), (keys != 0).reshape(rows.shape).sum((0, 2)))


def _sums(rows: npt.NDArray[np.int32], script: str) -> npt.NDArray[np.float32]:
    """Log-likelihoods by window and language of the script, in 1/256 nat: whole numbers below 2**24, so exact."""
    matrix = _profiles().matrices[script]
    grams, windows, size = rows.shape
    width = matrix.shape[1]
    values = matrix.take(rows.ravel(), 0, mode="clip")
    # Summed in wide rows first: numpy adds long rows several times faster than short ones.
    folded = values.reshape(grams, windows, size // 16, 16 * width).sum(2).sum(0)
    total: npt.NDArray[np.float32] = folded.reshape(windows, 16, width).sum(1)
    return total


@dataclass(slots=True)
class Evidence:
    """What ``detect`` weighed, for measuring and fitting. Scores are nats, on the scale of a text of 120 n-grams."""

    reading: _Reading
    scores: dict[str, float]
    best: str
    lead: float  # of the best over the second
    tokens: int
    word_share: float  # of the tokens, those in the best language's list; -1 where it has none
    surprise: float = 0.0  # standard deviations by which the profile fits worse than usual


def weigh(text: str, *, declared: str | None = None, expected: frozenset[str] = frozenset()) -> Evidence | None:
    """The evidence for the language of ``text``; ``None`` when there is too little of it or no prose."""
    text = text.strip()
    if not text:
        return None
    evidence = _weigh(text, WINDOWS, declared, expected)
    if len(text) > WINDOWS * WINDOW and (evidence is None or evidence.reading.mixed or evidence.lead < _SURE):
        evidence = _weigh(text, MOST_WINDOWS, declared, expected)
    return evidence


def _weigh(text: str, windows: int, declared: str | None, expected: frozenset[str]) -> Evidence | None:
    reading = _read(text, windows)
    if reading is None:
        return None
    if reading.letters < (MIN_UNSPACED_LETTERS if reading.script in _UNSPACED_SCRIPTS else MIN_LETTERS):
        return None
    if reading.scores is None:
        # A headline may do without kana; an article in Japanese can't.
        kanji = reading.label == "zh" and declared == "ja" and reading.letters < 40
        return Evidence(reading, {}, "ja" if kanji else reading.label, _LONE, 0, -1.0)
    sample = reading.text[:MOST_WORD_CHARS]
    lower = sample.lower()
    tokens = _TOKEN.findall(lower)
    if len(tokens) < MIN_WORDS and reading.letters < MIN_LETTERS_OF_FEW_WORDS:
        return None
    if _is_code(sample, len(tokens)):
        return None
    words = _words()
    word_weight = _WORD_WEIGHT * min(1.0, _WORDS / len(tokens))
    hits: dict[str, int] = {}

    def by_words(code: str) -> float:
        listed = words.lists.get(code)
        if not listed:
            return 0.0
        hits[code] = sum(map(listed.__contains__, tokens))
        hit, miss = words.gains[code]
        return word_weight * (hits[code] * hit + (len(tokens) - hits[code]) * miss)

    scale = min(1.0, _NGRAMS / max(reading.grams, 1))
    most = max(reading.scores.values())
    scores: dict[str, float] = {}
    for code, score in reading.scores.items():
        scaled = (score - most) * scale
        if scaled > _HOPELESS:
            scores[code] = scaled - _RARE.get(code, 0.0) + by_words(code)
    top = max(sorted(scores), key=scores.__getitem__)
    surprise = _surprise(reading, words.usual_fit.get(top))
    if declared and declared not in words.lists and declared not in reading.scores and surprise > _STRANGE:
        return None  # it says to be in a language that nothing here knows, and the text doesn't contradict
    foreign = min(_MOST_FOREIGN, 0.5 * max(0.0, surprise - 1.0) ** 2)
    for code, letters in _rivals(top, reading.script, declared, tokens, lower).items():
        scores[code] = foreign + letters - _OTHER_PENALTY + by_words(code)
    for code in scores:
        scores[code] += _DECLARED_WEIGHT if code == declared else 0.0
        scores[code] -= _UNEXPECTED_PENALTY if expected and code not in expected else 0.0
    order = sorted(scores, key=lambda code: (-scores[code], code))
    lead = scores[order[0]] - scores[order[1]] if len(order) > 1 else _LONE
    share = hits[order[0]] / len(tokens) if order[0] in hits else -1.0
    return Evidence(reading, scores, order[0], lead, len(tokens), share, surprise)


def _rivals(top: str, script: str, declared: str | None, tokens: list[str], lower: str) -> dict[str, float]:
    """The languages without a profile that the text may be in, with what its letters say for each, in nats."""
    words = _words()
    rival_words, rival_letters = words.rivals(top, script)
    found: dict[str, int] = {}
    for token in set(tokens):
        for code in rival_words.get(token, ()):
            found[code] = found.get(code, 0) + 1
    letters: dict[str, int] = {}
    for character in set(lower):
        if character in rival_letters:
            count = lower.count(character)
            for code in rival_letters[character]:
                letters[code] = letters.get(code, 0) + count
    rivals = {code for code, count in found.items() if count >= 2} | letters.keys()
    rivals |= words.siblings.get(top, frozenset())
    if declared in words.others and words.in_script(declared, script):
        rivals.add(declared)
    weight = _LETTER_WEIGHT * min(1.0, _LETTERS / len(lower))
    found_letters = {code: min(weight * letters.get(code, 0), _MOST_LETTERS) for code in sorted(rivals)}
    for code, lacking in words.lacks.items():
        if top in lacking and lacking[top].isdisjoint(lower):
            missing = min(_LACKED_SHARE * len(lower), _MOST_LETTERS)
            if code in found_letters or missing >= _OTHER_PENALTY:
                found_letters[code] = found_letters.get(code, 0.0) + missing
    return found_letters


def _surprise(reading: _Reading, usual: float | None) -> float:
    """By how many standard deviations the best profile fits worse than it fits texts in its own language."""
    if not usual or not reading.scores or not reading.asked_grams:
        return 0.0
    spread = math.hypot(0.07, 2.4 / math.sqrt(reading.asked_grams))
    return (usual - max(reading.scores.values()) / reading.asked_grams) / spread


def detect(text: str, *, declared: str | None = None) -> LanguageGuess:
    """The language of most of the prose in ``text``; ``und`` when it is unsure, too short or no prose.

    Args:
        text: any text. 512 characters are read, evenly spaced; where they leave it open or contradict, 8,192.
        declared: what the page or record says of its language (``de``, ``de-AT``, ``deu``): evidence, not truth.

    Returns:
        An ISO 639-1 code (``zh`` for all Chinese, ``no`` for Bokmål and Nynorsk; three letters for the few languages
        without such a code) and the calibrated probability that it is right; ``und`` with 0.0.
    """
    evidence = weigh(text, declared=language_code(declared), expected=_codes(get_settings().languages))
    if evidence is None or evidence.best == "lorem":
        return UNDETERMINED
    confidence = round(calibrated(features(evidence), evidence.reading.letters), 4)
    if confidence < _MIN_CONFIDENCE:
        return UNDETERMINED
    best = evidence.best
    if confidence < _ARBITER_BELOW and evidence.lead < _LEVEL:
        named, _ = seeded_langdetect(evidence.reading.text)
        best = named if evidence.scores.get(named, _HOPELESS) >= evidence.scores[best] - _LEVEL else best
    return LanguageGuess(best, confidence)


@lru_cache(maxsize=16)
def _codes(tags: tuple[str, ...]) -> frozenset[str]:
    return frozenset(code for tag in tags if (code := language_code(tag)))


def features(evidence: Evidence) -> tuple[float, ...]:
    """What the confidence is computed from; empty where the script alone tells the language."""
    if evidence.reading.scores is None:
        return ()
    words = _words()
    lead = min(evidence.lead, 12.0)
    other = evidence.best in words.others
    surprise = 0.0 if other else min(max(evidence.surprise, -1.0), 8.0)
    usual = words.share.get(evidence.best)
    share = min(evidence.word_share / usual, 1.2) if usual else 1.0
    return (
        1.0,
        lead,
        math.log1p(lead),
        surprise,
        max(surprise, 0.0) ** 2,
        share,
        math.log(max(evidence.tokens, 1)),
        float(other),
        lead * share,
    )


def calibrated(values: tuple[float, ...], letters: int) -> float:
    """The probability that an answer with these features, for a text of so many letters, is right."""
    if not values:
        return _LONE_SCRIPT[letters >= 20]
    total = sum(weight * value for weight, value in zip(_CALIBRATION, values, strict=True))
    return 1.0 / (1.0 + math.exp(-total))


def seeded_langdetect(text: str) -> tuple[str, float]:
    """langdetect's own answer on all of ``text`` with a fixed seed, and its (over-confident) probability.

    The language as ``detect`` names it; ``("und", 0.0)`` when langdetect finds nothing to go by.
    """
    from langdetect.detector import Detector
    from langdetect.lang_detect_exception import LangDetectException

    detector = Detector(_profiles().arbiter)
    detector.append(text)
    try:
        guesses = detector.get_probabilities()
    except LangDetectException:
        return "und", 0.0
    if not guesses:
        return "und", 0.0
    return language_code(guesses[0].lang) or "und", float(guesses[0].prob)


def language_code(tag: str | None) -> str | None:
    """The language of a BCP 47 tag or an ISO 639 code (``de_AT``, ``pt-BR``, ``nob``), as ``detect`` names it.

    ``None`` for what names no language (empty, ``und``, ``x-default``, a word).
    """
    if not tag:
        return None
    code = re.split(r"[-_.,;\s]", tag.strip().lower(), maxsplit=1)[0]
    code = _SAME_LANGUAGE.get(code, code)
    return code if re.fullmatch(r"[a-z]{2}|ceb|hmn|ckb", code) else None
