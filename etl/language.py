"""Text -> language. Deterministic: the same text gives the same answer in every process and order.

The profiles, n-grams and sampling are those of langdetect, a port of Shuyo Nakatani's language-detection
("Language Detection Library for Java", 2010: naive Bayes over character 1- to 3-grams of Wikipedia). Its sampler
is seeded anew for every text, and its profiles are loaded once, in sorted order, when the first text comes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from etl.model import LanguageGuess

UNDETERMINED: Final = LanguageGuess("und", 0.0)
SEED: Final = 0
SAMPLE_CHARS: Final = 800
MIN_WORDS: Final = 4
MIN_LETTERS: Final = 16
MIN_CONFIDENCE: Final = 0.7
MIN_LETTER_SHARE: Final = 0.5

# Scripts that put no space between words: Han, Kana, Bopomofo, Yi, Thai, Lao, Burmese, Khmer.
_UNSPACED = "\u0e01-\u0e3a\u0e40-\u0e4d\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f"
_UNSPACED += "\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48f\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003134f"
_WORD: Final = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_LETTER: Final = re.compile(r"[^\W\d_]")
_CODES: Final = {"zh-cn": "zh", "zh-tw": "zh", "nb": "no", "nn": "no"}


def word_count(text: str) -> int:
    """The number of words: runs of letters and digits; in scripts without spaces (Chinese, Thai) characters."""
    return sum(1 for _ in _WORD.finditer(text))


@lru_cache(maxsize=1)
def _factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    # Sorted, because the order of a folder's entries differs between file systems and sets that of the sums.
    profiles = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    factory.set_seed(SEED)
    return factory


def detect(text: str, *, declared: str | None = None) -> LanguageGuess:
    """The language of most of the prose in ``text``; ``und`` when it is unsure, too short or no prose.

    Args:
        text: any text; only its first 800 characters are read.
        declared: what the page or record says of its language: evidence, not truth.
    """
    from langdetect.lang_detect_exception import LangDetectException

    sample = text.lstrip()[:SAMPLE_CHARS]
    if sample.isupper():
        sample = sample.lower()
    letters = len(_LETTER.findall(sample))
    visible = sum(map(len, sample.split()))
    if letters < MIN_LETTERS and word_count(sample) < MIN_LETTERS:
        return UNDETERMINED
    if word_count(sample) < MIN_WORDS or letters < MIN_LETTER_SHARE * visible:
        return UNDETERMINED
    detector = _factory().create()
    detector.append(sample)
    try:
        guesses = detector.get_probabilities()
    except LangDetectException:
        return UNDETERMINED
    if not guesses or guesses[0].prob < MIN_CONFIDENCE:
        return UNDETERMINED
    return LanguageGuess(_CODES.get(guesses[0].lang, guesses[0].lang), round(min(guesses[0].prob, 1.0), 4))
