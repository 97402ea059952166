"""A saved web page: one record. Its bytes go on as they are; whether they are a page is for extraction to say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from etl.model import Capture, Reject
from etl.read.base import InputFile
from etl.text import web_url

# How browsers that save pages note where they had them from: Internet Explorer's "mark of the web", which Chromium
# writes too, and SingleFile's comment.
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d{4}\)(\S{1,2048}?)\s*-->", re.IGNORECASE)
_SINGLE_FILE = re.compile(rb"<!--\s*Page saved with SingleFile\s+url:\s*(\S{1,2048})", re.IGNORECASE)


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """The file's one capture."""
    data = file.read_whole(file.limits.max_html_bytes, "page_too_large", "the page")
    if isinstance(data, Reject):
        yield data
        return
    head = data[:4096]
    match = _SAVED_FROM.search(head) or _SINGLE_FILE.search(head)
    url = web_url(match[1].decode("utf-8", "replace"))[0] if match else None
    yield Capture(origin=file.origin, source=file.source, html=data, url=url)
