"""The corpus as one number, to compare two of them."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection  # noqa: N812

from etl.share import query


def checksum(connection: Connection) -> str:
    """SHA-256, in hex, over what the corpus says and nothing about when or how it was loaded.

    ``sql/queries/checksum.sql`` names every column that counts and each that doesn't, with the reason. Two corpora
    given the same captures are equal once both are settled.
    """
    with connection.cursor() as cursor:
        cursor.execute(query("checksum"))
        (digest,) = cursor.fetchone() or ("",)
    connection.commit()
    return str(digest)
