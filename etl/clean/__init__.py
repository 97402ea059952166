"""Cleaning: blocks in, clean text and removed spans out. Rules are data, one file a language."""

from etl.clean.cleaner import RULES_VERSION, clean

__all__ = ["RULES_VERSION", "clean"]
