"""klartext: the messy news web in, a clean, deduplicated, queryable Postgres corpus out."""

__version__ = "0.1.0"
