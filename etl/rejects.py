"""How a capture that can't be processed becomes a reject, the same way at every stage."""

from __future__ import annotations

import hashlib

from etl.model import Capture, Reject, Stage
from etl.reasons import REASONS
from etl.settings import get_settings


def reject_capture(
    capture: Capture, stage: Stage, reason: str, detail: str, *, payload_bytes: int | None = None
) -> Reject:
    """The reject of one capture, with its payload up to the quarantine's cap.

    Args:
        capture: what couldn't be processed.
        stage: where it failed.
        reason: a code of ``etl.reasons``.
        detail: a sentence for people: what was found, what the limit is.
        payload_bytes: bytes of the payload to keep; by default the setting ``quarantine_payload_bytes``.

    Raises:
        KeyError: the reason isn't listed in ``etl.reasons``.
    """
    if reason not in REASONS:
        raise KeyError(f"{reason!r} is no reason of etl.reasons")
    payload = capture.html if capture.html is not None else (capture.text or "").encode("utf-8", "surrogatepass")
    cap = get_settings().quarantine_payload_bytes if payload_bytes is None else payload_bytes
    return Reject(
        origin=capture.origin,
        stage=stage,
        reason=reason,
        detail=detail,
        source=capture.source,
        url=capture.url,
        payload=payload[:cap],
        payload_sha256=hashlib.sha256(payload).digest(),
    )
