"""The composition ``Capture -> Record | Reject``: extract, detect the language, clean, fingerprint.

A pure function of one capture and the rules: it opens no connection and keeps no state, so it maps over
anything. What it can't process comes back as a ``Reject`` with its stage and reason.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from etl.clean import clean
from etl.dedupe import URL_KEY_VERSION, article_id, text_hash, url_key
from etl.errors import KlartextError
from etl.extract import extract
from etl.language import detect, word_count
from etl.model import Access, Article, Capture, Cleaned, IdentityKind, Record, Reject, Stage
from etl.rejects import reject_capture
from etl.settings import get_settings


def process(capture: Capture) -> Record | Reject:
    """Makes a loadable record of a capture, or says why that isn't possible.

    Raises:
        KlartextError: a setting is wrong, which no record can be blamed for.
        MemoryError: left to the worker, which knows the limit.
    """
    stage: Stage = "extract"
    try:
        article = extract(capture)
        if isinstance(article, Reject):
            return article
        limit = get_settings().max_text_chars
        if len(article.text) > limit:
            return reject_capture(
                capture, stage, "text_too_large", f"the text has {len(article.text)} characters; the limit is {limit}"
            )
        stage = "language"
        guess = detect(article.text, declared=article.declared_language)
        stage = "clean"
        cleaned = clean(article.text, language=guess.language, site=article.site, blocks=article.blocks)
        if not cleaned.text.strip():
            return reject_capture(capture, stage, "empty_text", _why_empty(article, cleaned))
        stage = "fingerprint"
        kind, parts, key = _identity(capture, article)
        return Record(
            article_id=article_id(kind, *parts),
            identity=kind,
            url_key=key,
            url_key_version=URL_KEY_VERSION,
            source=capture.source,
            origin=capture.origin,
            captured_at=capture.captured_at,
            header=capture.header,
            article=replace(article, access=_access(article, cleaned)),
            language=guess.language,
            language_confidence=guess.confidence,
            clean_text=cleaned.text,
            removed=cleaned.removed,
            text_sha256=text_hash(cleaned.text),
            original_sha256=text_hash(article.text),
            word_count=word_count(cleaned.text),
            notes=article.notes,
        )
    except (KlartextError, MemoryError):
        raise  # a wrong setting is no matter of one record; the worker deals with memory
    except Exception as error:  # one record must never stop a batch; its error is kept with it
        return reject_capture(capture, stage, "internal_error", f"{type(error).__name__}: {error}")


def _identity(capture: Capture, article: Article) -> tuple[IdentityKind, tuple[str, ...], str | None]:
    """What the article's id is made of: the URL key, else the source and a hash of what was given."""
    for url in (capture.url, article.url):
        if url:
            try:
                key = url_key(url)
            except ValueError:
                continue
            return "url", (key,), key
    if capture.html is not None:
        # The payload and not the text, so that a better extractor keeps the id.
        return "payload", (capture.source, hashlib.sha256(capture.html).hexdigest()), None
    return "text", (capture.source, text_hash(article.text).hex()), None


def _access(article: Article, cleaned: Cleaned) -> Access:
    """A text that ends in a stripped paywall notice is the teaser of an article that isn't free to read."""
    if article.access != "unknown" or not cleaned.removed:
        return article.access
    at = len(article.text.rstrip())
    for span in reversed(cleaned.removed):
        if article.text[span.end : at].strip():
            break
        if span.class_ == "paywall":
            return "teaser"
        at = span.start
    return article.access


def _why_empty(article: Article, cleaned: Cleaned) -> str:
    if not article.text.strip():
        return "the record has no text"
    rules = sorted({span.rule for span in cleaned.removed})
    return f"everything was boilerplate: {len(article.text)} characters removed by {json.dumps(rules)}"
