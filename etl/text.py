"""Bytes to storable text, and text to what is safe to print or export.

*Storable* text holds Unicode scalar values without NUL: what Postgres keeps, UTF-8 can say, and every offset
counts in. Nothing here changes a character beyond what its docstring says.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# Longest first: the UTF-32 little-endian mark begins with the UTF-16 one.
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Labels whose documents are written in a superset of what the label names (WHATWG Encoding Standard, "names and
# labels"), by Python's codec name.
_SUPERSETS: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
# What a label may name: text encodings of the web. Python's other codecs (punycode, idna, unicode_escape, utf-7 …)
# would let a label change the meaning of plain ASCII.
_ALLOWED: Final = frozenset(
    "utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be gb18030 big5hkscs euc_jp iso2022_jp cp932 cp949 "
    "koi8-r koi8-u mac-roman mac-cyrillic cp866 cp850 cp437 cp852 cp855 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 "
    "cp1255 cp1256 cp1257 cp1258 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 "
    "iso8859-13 iso8859-14 iso8859-15 iso8859-16 euc_jis_2004 euc_jisx0213 shift_jis_2004 shift_jisx0213 hz johab "
    "ptcp154 kz1048 viscii".split()
)
_MULTI_BYTE: Final = frozenset(
    "utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be gb18030 big5hkscs euc_jp iso2022_jp cp932 cp949 hz johab "
    "euc_jis_2004 euc_jisx0213 shift_jis_2004 shift_jisx0213".split()
)

_SAMPLE_BYTES: Final = 1 << 18


class Decoded(NamedTuple):
    """``replaced`` counts the characters (NUL, lone surrogates, undecodable bytes) that became U+FFFD."""

    text: str
    charset: str
    replaced: int


def storable(text: str) -> tuple[str, int]:
    """``text`` with NUL and lone surrogates as U+FFFD, and how many there were. The length stays."""
    if "\x00" not in text:
        try:
            text.encode()  # several times as fast as the search
        except UnicodeEncodeError:
            pass
        else:
            return text, 0
    return _UNSTORABLE.subn(REPLACEMENT, text)


def charset_of(label: str | None) -> str | None:
    """Python's codec for a charset label from a header, a meta element or a column; None when it names none."""
    if not label:
        return None
    try:
        name = codecs.lookup(label.strip().strip("\"'").lower()).name
    except (LookupError, UnicodeError, ValueError):
        return None
    name = _SUPERSETS.get(name, name)
    if name == "utf-8-sig":
        name = "utf-8"
    return name if name in _ALLOWED else None


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text of ``data``: by byte order mark, else as declared, else as UTF-8, else as detected.

    The bytes decide where the label fails: text that is valid UTF-8 beyond ASCII isn't in the single-byte charset
    that a label says, since such bytes hardly ever come by chance. A byte order mark beats the label (WHATWG
    Encoding Standard, "decode") and isn't part of the text. Bytes that fit nowhere become U+FFFD and are counted.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], name)
    label = charset_of(declared)
    if label in _MULTI_BYTE and (text := _strict(data, label)) is not None:
        return Decoded(*_swap(text, label))
    wide = _wide_without_mark(data)
    if wide is not None and (text := _strict(data, wide)) is not None:
        return Decoded(*_swap(text, wide))
    if (text := _strict(data, "utf-8")) is not None:
        escapes = b"\x1b$" in data or b"\x1b(" in data
        if escapes and (japanese := _strict(data, "iso2022_jp")) is not None:
            return Decoded(*_swap(japanese, "iso2022_jp"))
        return Decoded(*_swap(text, "utf-8"))
    if label and label != "utf-8" and label not in _MULTI_BYTE and (text := _strict(data, label)) is not None:
        return Decoded(*_swap(text, label))
    if _mostly_utf8(data):
        return _decoded(data, "utf-8")
    guess = charset_of(_detect(data))
    if guess and (text := _strict(data, guess)) is not None:
        return Decoded(*_swap(text, guess))
    candidates = [name for name in (guess, label) if name and name != "utf-8"] or ["cp1252"]
    # Whichever loses less; the first on a tie. UTF-8 is in the race since half a file may be in it.
    return min((_decoded(data, name) for name in [*candidates, "utf-8"]), key=lambda found: found.replaced)


def is_binary(data: bytes) -> bool:
    """Whether the bytes are no text in any charset: control characters that no text file holds."""
    sample = data[:8192]
    if any(sample.startswith(mark) for mark, _ in _BOMS) or _wide_without_mark(sample) is not None:
        return False
    control = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    return control > max(2, len(sample) // 50)


_CONTROL_BYTES: Final = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")


def _strict(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except (UnicodeError, ValueError):
        return None


def _swap(text: str, charset: str) -> tuple[str, str, int]:
    text, replaced = storable(text)
    return text, charset, replaced


def _decoded(data: bytes, charset: str) -> Decoded:
    text = data.decode(charset, "replace")
    # U+FFFD that the bytes themselves spell isn't a replacement of ours.
    own = data.count(b"\xef\xbf\xbd") if charset == "utf-8" else 0
    broken = text.count(REPLACEMENT) - own
    text, replaced = storable(text)
    return Decoded(text, charset, max(0, broken) + replaced)


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-16 that lacks its mark: in text of any script with spaces and line ends every other byte is often NUL."""
    sample = data[: 4096 - len(data[:4096]) % 2]
    if len(sample) < 4 or len(data) % 2:
        return None
    high, low = sample[0::2].count(0), sample[1::2].count(0)
    threshold = max(2, len(sample) // 20)
    if low >= threshold and high == 0:
        return "utf-16-le"
    if high >= threshold and low == 0:
        return "utf-16-be"
    return None


def _mostly_utf8(data: bytes) -> bool:
    """A file in UTF-8 with some broken bytes: at least ten well-formed characters beyond ASCII to a broken one."""
    text = data[: 1 << 20].decode("utf-8", "replace")
    broken = text.count(REPLACEMENT)
    beyond = len(text) - len(text.encode("ascii", "ignore")) - broken
    return beyond >= 10 * broken


def _detect(data: bytes) -> str | None:
    import cchardet

    match = re.search(rb"[\x80-\xff]", data)
    first = match.start() if match else 0
    start = max(0, first - 1024)
    found = cchardet.detect(data[start : start + _SAMPLE_BYTES])
    name = found.get("encoding") if found else None
    return str(name) if name else None


# What a terminal acts on, or what makes text look like other text: C0 but tab and newline, DEL, C1, line and
# paragraph separators, marks and overrides of writing direction (the "Trojan Source" ones), zero-width
# characters, tags, lone surrogates.
_UNSAFE_ON_TERMINALS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def safe_for_terminal(text: str, *, one_line: bool = False) -> str:
    r"""``text`` with everything that could steer a terminal or hide text spelt out (``\x1b``, ``\u202e``).

    Tab and newline stay, unless ``one_line`` (for names and messages).
    """
    text = _UNSAFE_ON_TERMINALS.sub(_spell, text)
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x0D:
        return "\\r"
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that isn't UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_FORMULA = re.compile(r"[\s\x00\ufeff]*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|\.\d+)([eE][+-]?\d+)?%?")


def safe_csv_cell(value: str) -> str:
    """``value`` so that no spreadsheet runs it as a formula: what begins like one gets an apostrophe in front.

    Numbers stay numbers. Quoting is the CSV writer's part. Source: OWASP, "CSV Injection".
    """
    if value and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
_SECRET_PARAMETERS = re.compile(
    r"(?i)([?&;](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|awsaccesskeyid|"
    r"signature|sig|token|access_token|auth|api_?key|key|password|passwd|pwd|secret)=)[^&#;\s]*"
)


def strip_credentials(text: str) -> str:
    """A URL, or a message with URLs in it, without user names and passwords in front of the host."""
    return _CREDENTIALS.sub("", text) if "@" in text else text


def strip_secrets(url: str) -> str:
    """A storage URL as it may be shown and stored: no credentials, and no value of a signature or token."""
    return _SECRET_PARAMETERS.sub(r"\1…", strip_credentials(url))


MAX_URL_BYTES: Final = 2048
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_IN_URL_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def web_url(raw: str | None) -> tuple[str | None, str | None]:
    """An absolute http(s) URL without credentials, or None and a note that says why there is none.

    White space around and line breaks inside go, a blank inside becomes ``%20`` (as browsers do it: WHATWG URL
    Standard), a URL that begins with ``//`` is taken as https. Nothing else changes: making equal URLs equal is
    the business of ``etl.dedupe``.

    Returns:
        ``(url, None)``, ``(None, None)`` where ``raw`` is blank, or ``(None, note)`` with note ``url_too_long``,
        ``url_relative``, ``url_not_web`` (another scheme, such as ``javascript:``) or ``url_invalid``.
    """
    from urllib.parse import urlsplit

    url = re.sub("[\t\r\n]", "", (raw or "").strip("\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r \xa0\ufeff"))
    if not url:
        return None, None
    if url.startswith("//"):
        url = "https:" + url
    scheme = _SCHEME.match(url)
    if scheme is None:
        return None, "url_relative"
    if scheme[0].lower() not in ("http:", "https:"):
        return None, "url_not_web"
    if len(url.encode("utf-8", "replace")) > MAX_URL_BYTES:
        return None, "url_too_long"
    if _IN_URL_CONTROL.search(url) or "\\" in url.split("//", 1)[-1].split("/", 1)[0]:
        return None, "url_invalid"
    url = strip_credentials(url.replace(" ", "%20"))
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None, "url_invalid"
    if not host or "@" in parts.netloc or "%20" in parts.netloc:
        return None, "url_invalid"
    if "." not in host and ":" not in host and host != "localhost":
        return None, "url_invalid"
    return url, None
