"""Settings: environment variables with the prefix ``KLARTEXT_``, typed, each with what it means.

``Settings()`` reads the environment anew; ``get_settings()`` reads it once a process.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from etl.errors import ConfigurationError

MIB = 1024 * 1024
AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def default_home() -> Path:
    """``.klartext`` in the checkout, the platform's data folder when klartext is installed as a wheel."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "sql" / "migrations").is_dir():
        return checkout / ".klartext"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "klartext"


class Settings(BaseSettings):
    """Everything that can be set, apart from acquiring (see ``AcquireSettings``)."""

    model_config = SettingsConfigDict(env_prefix="KLARTEXT_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="embedded database, landing zone, Airflow's home")
    database_url: SecretStr | None = Field(None, description="libpq URL or DSN; without it the embedded Postgres")
    reader_database_url: SecretStr | None = Field(
        None, description="how `klartext query` logs in, where not embedded"
    )
    input_roots: Annotated[tuple[Path | str, ...], NoDecode] = Field(
        (),
        description="folders and storage URLs that DAG runs may read, joined by ':'; "
        "empty: the home and the checkout's samples",
    )
    search: bool = Field(True, description="keep the full-text search index")

    batch_records: int = Field(500, ge=1, description="records a transaction")
    task_bytes: int = Field(64 * MIB, ge=1, description="bytes that one mapped task of the DAG process reads, about")
    workers: int = Field(0, ge=0, description="processes of `klartext ingest`; 0: one a core, at most 8")

    max_record_bytes: int = Field(32 * MIB, ge=1024, description="largest record of a text, JSONL or table file")
    max_html_bytes: int = Field(20 * MIB, ge=1024, description="largest page that is extracted")
    max_text_chars: int = Field(5_000_000, ge=1000, description="longest text that is cleaned and loaded")
    max_html_elements: int = Field(60_000, ge=100, description="most elements a page may have")
    max_html_depth: int = Field(1000, ge=50, description="deepest nesting a page may have")
    max_decompressed_bytes: int = Field(
        64 * 1024 * MIB, ge=MIB, description="most bytes one compressed file may give"
    )
    max_decompression_ratio: float = Field(
        1000.0, ge=10, description="largest decompressed/compressed ratio of a file"
    )
    extract_cpu_seconds: float = Field(10.0, gt=0, description="CPU time for one page")
    extract_wall_seconds: float = Field(120.0, gt=0, description="wall time for one page, the last resort")
    extract_memory_bytes: int = Field(
        2048 * MIB,
        ge=256 * MIB,
        description="memory that one page may take in a worker, beyond what the worker needs",
    )
    quarantine_payload_bytes: int = Field(64 * 1024, ge=0, description="bytes of a rejected record that are kept")

    languages: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="languages that are expected (ISO 639-1, joined by ','); empty: all"
    )
    deny_rules: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="cleaning rules that never strip, as RULE or HOST:RULE, joined by ','"
    )
    allow_rules: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="cleaning rules exempt from `KLARTEXT_DENY_RULES`, as RULE or HOST:RULE, joined by ','",
    )

    @field_validator("input_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = re.split(re.escape(os.pathsep) + "(?!//)", value)
        return tuple(part if "://" in part else Path(part) for part in parts if part)

    @field_validator("languages", "deny_rules", "allow_rules", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value


def read_settings() -> Settings:
    """The settings of this moment's environment.

    Raises:
        ConfigurationError: a variable holds a value that doesn't fit, named in the message.
    """
    return read_environment(Settings)


def read_environment(kind: type[AnySettings]) -> AnySettings:
    """One kind of settings from this moment's environment.

    Raises:
        ConfigurationError: a variable holds a value that doesn't fit, named in the message.
    """
    try:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        name = (kind.model_config.get("env_prefix") or "") + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(
            f"the environment variable {name} is wrong: {first['msg']}", fix=f"correct or unset {name}"
        ) from None


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings()
