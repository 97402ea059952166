"""What became of records: each has exactly one outcome."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Counts of records; ``read = inserted + updated + unchanged + rejected``.

    Attributes:
        read: records given.
        inserted: a new article.
        updated: a new clean text of a known article.
        unchanged: a clean text that the article has had; stored as a sighting where its metadata is new.
        rejected: in quarantine.
    """

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
        )
