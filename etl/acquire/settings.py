"""Settings of acquiring: environment variables with the prefix ``KLARTEXT_ACQUIRE_``."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from etl import __version__
from etl.acquire.sources import Duration
from etl.settings import MIB, read_environment

_ONE_LINE = r"^[^\r\n\x00]*$"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AcquireSettings(BaseSettings):
    """Limits, politeness and plans; what a source sets for itself wins over these."""

    model_config = SettingsConfigDict(env_prefix="KLARTEXT_ACQUIRE_", extra="ignore", frozen=True)

    sources: Path | None = Field(None, description="sources file; default sources.toml here, else in the home")
    landing: str | None = Field(None, description="landing zone, a path or fsspec URL; default <home>/landing")
    allow_private: Annotated[bool | tuple[Network, ...] | None, NoDecode] = Field(
        None, description="true, or networks joined by ',': private addresses that may be asked; sources.toml else"
    )

    connect_timeout: float = Field(10.0, gt=0, description="seconds to connect")
    read_timeout: float = Field(20.0, gt=0, description="seconds without a byte")
    total_timeout: float = Field(60.0, gt=0, description="seconds for one request, body included")
    max_bytes: int = Field(10 * MIB, ge=1, description="largest page, decompressed")
    max_feed_bytes: int = Field(64 * MIB, ge=1, description="largest feed or sitemap, decompressed")

    contact: str | None = Field(
        None, pattern=_ONE_LINE, description="URL or mail address for publishers, told in the User-Agent"
    )
    user_agent: str | None = Field(
        None, pattern=_ONE_LINE, description="the whole User-Agent, instead of klartext's own"
    )
    concurrency: int = Field(32, ge=1, description="hosts that are asked at the same time, by one run")
    retries: int = Field(2, ge=0, description="further tries after a passing failure")
    backoff: float = Field(1.0, ge=0, description="seconds before the first further try; doubles, with jitter")
    max_retry_after: float = Field(60.0, ge=0, description="longest Retry-After that a run waits for; else deferred")
    max_redirects: int = Field(10, ge=0, description="redirects followed for one URL")
    robots_ttl: Duration = Field(timedelta(hours=24), description="how long a robots.txt is believed")
    max_crawl_delay: float = Field(60.0, ge=0, description="hosts that ask for more get one request a run")
    tdmrep: bool = Field(True, description="look for /.well-known/tdmrep.json, once a host and robots_ttl")
    opt_outs: Literal["record", "skip"] = Field("record", description="skip: pages that opt out are excluded")
    revisit_for: Duration = Field(timedelta(days=14), description="articles are looked at again while this young")
    revisit_share: float = Field(0.5, ge=0, description="again after this share of the age at the last visit")
    revisit_without_validator: Duration = Field(
        timedelta(hours=1), description="at the earliest, when the server gave neither ETag nor Last-Modified"
    )
    warc_bytes: int = Field(256 * MIB, ge=1024, description="a landing file is closed when it is this large")

    @field_validator("allow_private", mode="before")
    @classmethod
    def _flag_or_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip().lower()
        if text in ("", "0", "false", "no", "off"):
            return False if text else None
        if text in ("1", "true", "yes", "on"):
            return True
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())

    @property
    def agent(self) -> str:
        """The User-Agent: product, version and, when it is set, a way to get in touch."""
        if self.user_agent:
            return self.user_agent
        return f"klartext/{__version__}" + (f" (+{self.contact})" if self.contact else "")


def read_acquire_settings() -> AcquireSettings:
    """The settings of this moment's environment.

    Raises:
        ConfigurationError: a variable holds a value that doesn't fit, named in the message.
    """
    return read_environment(AcquireSettings)
