"""One article, what was stripped from it and why, and its cluster and why."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from psycopg2.extras import RealDictCursor

from etl.database import Target, connected
from etl.dedupe import article_id, url_key
from etl.errors import UsageError
from etl.share import query

_WHY = {
    "canonical": "alone, or the earliest published of its copies",
    "exact": "its clean text is the same, character for character, as the canonical article's",
    "near": "its text is nearly the same as the canonical article's",
    "contained": "its text is a part of the longer article it names",
}


def explain(target: Target, article: str) -> dict[str, Any]:
    """The ARTICLE shape of an article, with ``article_id`` and ``cluster`` (``cluster_id``, ``members``, ``why``).

    Args:
        target: the database, best as the reader.
        article: an article's id or URL; a URL gives the id.

    Raises:
        UsageError: there is no such article.
    """
    identifier = None
    with suppress(ValueError):
        identifier = str(article_id("url", url_key(article)))
    with suppress(ValueError):
        identifier = str(UUID(article))
    with connected(target) as connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(query("explain_article"), {"id": identifier})
        found = cursor.fetchone()
        if found is None:
            raise UsageError(
                f"no article has the id or URL {article}",
                fix="look for it: klartext query \"SELECT article_id, url FROM news.article WHERE url LIKE '%…%'\"",
            )
        answer = {name: _plain(value) for name, value in found.items()}
        cursor.execute(query("explain_removed"), {"id": answer["article_id"]})
        answer["removed"] = [dict(row) for row in cursor.fetchall()]
        cursor.execute(query("explain_cluster"), {"id": answer["article_id"]})
        members = [{name: _plain(value) for name, value in row.items()} for row in cursor.fetchall()]
    own = next(member for member in members if member["article_id"] == answer["article_id"])
    cluster_id = answer.pop("cluster_id")
    answer["cluster"] = {"cluster_id": cluster_id, "members": members, "why": _WHY[own["relation"]]}
    return answer


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
