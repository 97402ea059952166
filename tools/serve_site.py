"""Serves the three small news sites of examples/site on loopback addresses: real HTTP for trying out acquiring.

usage: tools/serve_site.py [--port N] [--sources FILE] [--seconds N]

Each site has an address of its own (127.0.0.1, 127.0.0.2 …) where the system has several, else a port of its own.
``--sources`` writes a sources.toml for them. When it is ready it prints one line of JSON, name to base URL.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import threading
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "examples" / "site"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
KINDS = {"talbote": "feed", "ufer-anzeiger": "sitemap", "harbour-gazette": "feed"}


class Site(BaseHTTPRequestHandler):
    """One site: files below a folder, ``{base}`` in feeds and the like filled in, conditional requests answered."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def __init__(self, folder: Path, *args: object) -> None:
        self._folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0].lstrip("/") or "index.html"
        file = self._folder / path
        if "/" in path or not file.is_file():
            self._answer(404, b"<!doctype html><title>404</title>", {"Content-Type": TYPES[".html"]})
            return
        body = file.read_bytes()
        if file.suffix != ".html":
            host, port = self.server.server_address[:2]
            body = body.replace(b"{base}", f"http://{host!s}:{port}".encode())
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {
            "Content-Type": TYPES.get(file.suffix, "application/octet-stream"),
            "ETag": etag,
            "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True),
        }
        if self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", headers)
        else:
            self._answer(200, body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the run that asks has a log of its own."""


def open_site(folder: Path, number: int, port: int) -> ThreadingHTTPServer:
    """A server for one site, listening."""
    handler = partial(Site, folder)
    try:
        return ThreadingHTTPServer((f"127.0.0.{number + 1}", port), handler)  # type: ignore[arg-type]
    except OSError:
        if number == 0:
            raise
        return ThreadingHTTPServer(("127.0.0.1", port + number if port else 0), handler)  # type: ignore[arg-type]


def sources(bases: dict[str, str]) -> str:
    """A sources.toml for the sites."""
    parts = ["# The example sites, served by tools/serve_site.py.\nallow_private = true\n"]
    for name, base in bases.items():
        kind = KINDS.get(name, "feed")
        url = f"{base}/{'sitemap' if kind == 'sitemap' else 'feed'}.xml"
        parts.append(f'[[source]]\nname = "{name}"\nkind = "{kind}"\nurl = "{url}"\ndelay = 0\n')
    return "\n".join(parts)


def main() -> int:
    """Serves until stdin closes, SIGINT, or the seconds are over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="port of all sites; 0: any free one")
    parser.add_argument("--sources", type=Path, help="write a sources.toml for them")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds")
    given = parser.parse_args()
    try:
        servers = {
            folder.name: open_site(folder, number, given.port)
            for number, folder in enumerate(sorted(path for path in ROOT.iterdir() if path.is_dir()))
        }
    except OSError as error:
        print(
            f"error: port {given.port} can't be listened on: {error.strerror}; choose another --port", file=sys.stderr
        )
        return 2
    bases = {name: f"http://{server.server_address[0]!s}:{server.server_port}" for name, server in servers.items()}
    if given.sources is not None:
        given.sources.write_text(sources(bases), encoding="utf-8")
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(bases), flush=True)
    try:
        threading.Event().wait(given.seconds)
    except KeyboardInterrupt:
        return 130
    finally:
        for server in servers.values():
            server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
