"""Dates as people and machines write them, to a point in time with a precision.

What is understood: ISO 8601 at every precision (calendar, ordinal and week dates, basic and extended), RFC 822 and
5322, seconds, milliseconds, microseconds and nanoseconds of the epoch, and dates in words or figures of the
languages that the Unicode CLDR covers (month and weekday names come from Babel's copy of it), with Japanese eras
and Thai years. What depends on today or on the machine is not: no relative dates, no date without a year.

A doubtful reading is worse than a vague one: ``03/04/2021`` is a day only when the language settles the order,
else the year; an hour without minutes is a day; an unknown zone name leaves the day. Zone-less times are UTC. A
zone-less midnight to the second is how date columns are usually dumped, so it counts as the day.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from etl.model import PartialDate, Precision

FIRST_YEAR: Final = 1600
LAST_YEAR: Final = 2100
TOLERANCE: Final = timedelta(days=1)
"""How much later than its capture a date may be: zones that were left out and clocks that go wrong."""
_MAX_CHARS: Final = 120

DateProblem = Literal["date_unreadable", "date_out_of_range", "date_after_capture"]


@dataclass(frozen=True, slots=True)
class ParsedDate:
    """A date, or why there is none. ``problem`` is None too where nothing was said (blank, ``0000-00-00``)."""

    date: PartialDate | None = None
    problem: DateProblem | None = None


def parse_date(raw: str, *, captured_at: datetime | None = None, languages: Sequence[str] = ()) -> PartialDate | None:
    """``parse_partial(...).date``."""
    return parse_partial(raw, captured_at=captured_at, languages=languages).date


def parse_partial(
    raw: str | None, *, captured_at: datetime | None = None, languages: Sequence[str] = ()
) -> ParsedDate:
    """Read a date.

    Args:
        raw: as the record, page or header says it.
        captured_at: aware; a date more than a day later is dropped (``date_after_capture``). It also settles the
            century of a two-digit year.
        languages: ISO 639-1 codes that the text may be in; they settle the order of day and month, and month
            names that mean different months in different languages (*listopad*).
    """
    text = (raw or "").strip()
    if not text or _is_placeholder(text):
        return ParsedDate()
    if len(text) > _MAX_CHARS:
        return ParsedDate(problem="date_unreadable")
    limit = captured_at + TOLERANCE if captured_at is not None else None
    latest = limit.year if limit is not None else None
    found = _read(text, tuple(languages), latest)
    if isinstance(found, PartialDate):
        if limit is not None and found.start > limit:
            return ParsedDate(problem="date_after_capture")
        return ParsedDate(date=found)
    return ParsedDate(problem=found)


def partial(start: datetime, precision: Precision) -> PartialDate:
    """The stretch of ``precision`` that ``start`` lies in. Naive times are UTC.

    Raises:
        ValueError, OverflowError: the year is outside ``FIRST_YEAR`` to ``LAST_YEAR``.
    """
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise ValueError("year out of range")
    if precision == "second":
        start = start.replace(microsecond=0)
        return PartialDate(start, start + timedelta(seconds=1), precision)
    if precision == "minute":
        start = start.replace(second=0, microsecond=0)
        return PartialDate(start, start + timedelta(minutes=1), precision)
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if precision == "day":
        return PartialDate(start, start + timedelta(days=1), precision)
    if precision == "month":
        start = start.replace(day=1)
        until = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return PartialDate(start, until, precision)
    start = start.replace(month=1, day=1)
    return PartialDate(start, start.replace(year=start.year + 1), precision)


# --- the readers, strictest first -----------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _read(text: str, languages: tuple[str, ...], latest: int | None) -> PartialDate | DateProblem:
    text = _normalized(text)
    try:
        found = _iso(text) or _number(text) or _words(text, languages, latest)
    except _OutOfRangeError:
        return "date_out_of_range"
    except (ValueError, OverflowError):
        return "date_unreadable"
    return found or "date_unreadable"


class _OutOfRangeError(Exception):
    pass


def _normalized(text: str) -> str:
    """Compatibility forms folded, every script's decimal digits as ASCII, white space single, marks of direction
    gone."""
    text = unicodedata.normalize("NFKC", text)
    if not text.isascii():
        text = "".join(_ascii_digit(char) for char in text if unicodedata.category(char) != "Cf")
    text = re.sub(r"\s+", " ", text).strip()
    if wrapped := re.fullmatch(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/", text):  # JSON of older .NET
        return wrapped[1]
    return re.sub(r"\s*(\[[^\]]*\]|\((?![^)]*\d)[^)]*\))$", "", text)


def _ascii_digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return str(value) if value is not None else char


_PLACEHOLDER = re.compile(r"(?i)0+([-/.: T]0+)*Z?|null|none|nan|nat|n/?a|-+|undefined|unknown")


def _is_placeholder(text: str) -> bool:
    return _PLACEHOLDER.fullmatch(text) is not None


_ZONES: Final[Mapping[str, int]] = {
    name: hours
    for hours, names in {
        0: "z utc gmt ut wet",
        # RFC 822, section 5.1
        -4: "edt",
        -5: "est cdt",
        -6: "cst mdt",
        -7: "mst pdt",
        -8: "pst",
        # names that mean one zone only
        -3: "brt",
        1: "cet mez bst west",
        2: "cest mesz eet oez sast",
        3: "eest oesz msk мск trt",
        7: "wib",
        8: "hkt sgt",
        9: "jst kst",
        10: "aest",
        11: "aedt",
        12: "nzst",
        13: "nzdt",
    }.items()
    for name in names.split()
}

_OFFSET = r"(?P<sign>[+\-−])(?P<zh>\d{1,2})(?::?(?P<zm>\d{2}))?"
_ISO = re.compile(
    r"(?P<y>\d{4})"
    r"(?:-?W(?P<week>\d{2})(?:-?(?P<weekday>[1-7]))?|-(?P<ordinal>\d{3})"
    r"|(?P<sep>[-/.])(?P<m>\d{1,2})(?:(?P=sep)(?P<d>\d{1,2}))?|(?P<m2>\d{2})(?P<d2>\d{2}))?"
    r"(?:(?:[Tt_]|, | )\s?(?P<H>\d{1,2})(?::?(?P<M>\d{2})(?::?(?P<S>\d{2})(?:[.,]\d{1,12})?)?)?)?"
    r"(?:\s?(?P<zone>[A-Za-z]{1,5}))?\s?(?:" + _OFFSET + ")?"
)


def _iso(text: str) -> PartialDate | None:
    """ISO 8601, and its near relatives with ``/`` or ``.`` or single figures."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    has_date = any(part[name] for name in ("d", "d2", "ordinal", "weekday"))
    if part["H"] and not has_date:
        return None
    if part["sep"] in ("/", ".") and not part["d"] and len(part["m"]) < 2:  # 2022.1 may be a number
        return None
    if (part["zone"] or part["sign"]) and not has_date:
        return None
    year = int(part["y"])
    _check_year(year)
    if part["week"]:
        return _week(year, int(part["week"]), part)
    if part["ordinal"]:
        day = date(year, 1, 1) + timedelta(days=int(part["ordinal"]) - 1)
        if day.year != year:
            raise ValueError("no such day")
    else:
        month, of_month = part["m"] or part["m2"], part["d"] or part["d2"]
        if month is None:
            return partial(datetime(year, 1, 1, tzinfo=UTC), "year")
        if of_month is None or int(of_month) == 0:
            if int(month) == 0:
                return partial(datetime(year, 1, 1, tzinfo=UTC), "year")
            return partial(datetime(year, int(month), 1, tzinfo=UTC), "month")
        day = date(year, int(month), int(of_month))
    return _at(day, part["H"], part["M"], part["S"], zone=part["zone"], offset=_offset(part))


def _week(year: int, week: int, part: Mapping[str, str | None]) -> PartialDate | None:
    monday = date.fromisocalendar(year, week, 1)
    if part["weekday"]:
        day = date.fromisocalendar(year, week, int(part["weekday"]))
        return _at(day, part["H"], part["M"], part["S"], zone=part["zone"], offset=_offset(part))
    sunday = monday + timedelta(days=6)
    if monday.year != sunday.year:
        return None
    precision: Precision = "month" if monday.month == sunday.month else "year"
    return partial(datetime(monday.year, monday.month, 1, tzinfo=UTC), precision)


def _number(text: str) -> PartialDate | None:
    """Epoch times by their number of digits, and dates written without any separator."""
    match = re.fullmatch(r"(-?)(\d{6,19})(?:\.(\d{1,9}))?", text)
    if match is None:
        return None
    sign, digits = match[1], match[2]
    if not sign and match[3] is None:
        if len(digits) in (12, 14):
            compact = _compact(digits)
            if compact is not None and 1900 <= compact.year <= LAST_YEAR:
                return partial(compact, "minute" if len(digits) == 12 else "second")
        if len(digits) == 6 and 1900 <= int(digits[:4]) <= LAST_YEAR and 1 <= int(digits[4:]) <= 12:
            return partial(datetime(int(digits[:4]), int(digits[4:]), 1, tzinfo=UTC), "month")
    if len(digits) < 9:
        return None
    scale = 1 if len(digits) <= 11 else 1000 if len(digits) <= 14 else 10**6 if len(digits) <= 17 else 10**9
    seconds = int(digits) // scale
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=-seconds if sign else seconds)
    _check_year(moment.year)
    return partial(moment, "second")


def _compact(digits: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}+00:00")
    except ValueError:
        return None


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _OutOfRangeError


def _offset(part: Mapping[str, str | None]) -> timedelta | None:
    if part["sign"] is None or part["zh"] is None:
        return None
    shift = timedelta(hours=int(part["zh"]), minutes=int(part["zm"] or 0))
    if shift > timedelta(hours=14) or int(part["zm"] or 0) > 59:
        raise ValueError("no such offset")
    return shift if part["sign"] == "+" else -shift


def _at(
    day: date,
    hour: str | None,
    minute: str | None,
    second: str | None,
    *,
    zone: str | None = None,
    offset: timedelta | None = None,
    afternoon: bool | None = None,
) -> PartialDate:
    """A day and what is known of its time. An hour alone, or a zone nobody can place, leaves the day."""
    _check_year(day.year)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if zone is not None:
        known = _ZONES.get(zone.casefold())
        if known is None:
            return partial(midnight, "day")
        offset = timedelta(hours=known) + (offset or timedelta())
    if hour is None:
        return partial(midnight, "day")
    hours, minutes, seconds = int(hour), int(minute or 0), int(second or 0)
    if hours > 24 or minutes > 59 or seconds > 60 or (hours == 24 and (minutes or seconds)):
        raise ValueError("no such time")
    if afternoon is not None:
        if not 0 <= hours <= 12:
            afternoon = None
        else:
            hours = hours % 12 + (12 if afternoon else 0)
    if minute is None:
        return partial(midnight, "day")
    if second is not None and offset is None and hours == minutes == seconds == 0:
        return partial(midnight, "day")
    moment = midnight + timedelta(hours=hours, minutes=minutes, seconds=seconds) - (offset or timedelta())
    _check_year(moment.year)
    return partial(moment, "minute" if second is None else "second")


# --- dates in words ---------------------------------------------------------------------------------------------

_MERIDIEM = r"(?P<ampm>a\.?m\.?|p\.?m\.?)"
_TIME = re.compile(
    r"(?<![\d.:/\-])(?P<cjk>午前|午後|上午|下午|오전|오후)?\s?"
    r"(?P<H>\d{1,2})"
    r"(?:\s?[:h時时點点시]\s?(?P<M>\d{2})(?:\s?[:分분m]\s?(?P<S>\d{2})(?:[.,]\d{1,9})?)?(?!\d)"
    r"|\.(?P<M2>\d{2})(?=\s?(?:uhr|h\b|" + _MERIDIEM.replace("ampm", "a0") + r"))"
    r"|(?=\s?(?:uhr\b|h\b|[時时點点시]|" + _MERIDIEM.replace("ampm", "a1") + r")))"
    r"\s?(?:uhr\b|h\b|hrs?\b|[時时點点시](?!\d)|[分분](?!\d)|[秒초])?\s?[分분]?"
    r"(?:\s?" + _MERIDIEM + r"(?![^\W\d_]))?"
    r"(?:\s?(?P<zone>[^\W\d_]{1,5})(?=$|[\s,;)+\-\d]))?"
    r"(?:\s?" + _OFFSET + r"(?!\d))?",
    re.IGNORECASE,
)
_ERAS: Final = {"明治": 1868, "大正": 1912, "昭和": 1926, "平成": 1989, "令和": 2019}
_ERA = re.compile("(明治|大正|昭和|平成|令和)\\s?(元|\\d{1,2})\\s?年")
_CJK_DATE = re.compile(r"(\d{4})\s?[年년]\s?(?:(\d{1,2})\s?[月월]\s?(?:(\d{1,2})\s?[日일號号]?)?)?")
_FIGURES = re.compile(r"(\d{1,4})\s?([./\-])\s?(\d{1,2})\s?\2\s?(\d{2,4})\.?")
_MONTH_YEAR = re.compile(r"(\d{1,2})[/.](\d{4})")
_VIETNAMESE = re.compile(r"(?:(\d{1,2})\s)?tháng\s(\d{1,2})(?:,?\snăm|,)?\s(\d{4})")
_TOKEN = re.compile(r"\d+|[^\s\d,.;:/()\[\]|·•–—\-]+")
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th|er|ère|ème|eme|º|ª|o|a|e|η|ης|-?го|-е)(?![^\W\d_])")
_LABEL = re.compile(r"[^\d:]{2,40}:\s+(?=\S)")

# Languages whose figures put the month first, at least in part, or the year: there 03/04/2021 stays open.
_NOT_DAY_FIRST: Final = frozenset("en ja zh ko hu lt mn fil tl und".split())

# Little words between the parts of a date, in many languages.
_FILLERS: Final = frozenset(
    "de del of the den der dem am um uhr at on à a á o as ás às le la el il lo los las em en di dal alle alla ore "
    "om kl klo klockan godz dne v ve в г года год р року рік δ του της στις ώρα gada gads d da do dia ngày lúc "
    "clock h hrs hod óra ора час ч ob and og und et y e posted published publié publicado veröffentlicht stand "
    "updated aktualisiert date datum dated first last modified pubblicato opublikowano опубликовано с по m".split()
)


def _words(text: str, languages: tuple[str, ...], latest: int | None) -> PartialDate | None:
    text = text.casefold()
    if label := _LABEL.match(text):
        text = text[label.end() :]
    text, era_day = _era(text)
    afternoon: bool | None = None
    clock: Mapping[str, str | None] = {}
    for match in _TIME.finditer(text):
        part = match.groupdict()
        zone = part["zone"]
        if part["ampm"] and zone in ("et", "ct", "mt", "pt"):
            zone = None  # North American zones without saying whether it is summer: _at leaves the day
        if zone is not None and (zone in _FILLERS or _month(zone, languages) or zone in _weekdays()):
            # The word after the time belongs to the date; read the time without it.
            end = match.start("zone")
            part = {**part, "zone": None, "sign": None}
        else:
            end = match.end()
        mark = part["ampm"] or part["cjk"]
        if mark:
            afternoon = mark[0] == "p" or mark in ("午後", "下午", "오후")
        clock = part
        text = f"{text[: match.start()]} {text[end:]}"
        break
    text = re.sub(r"\s+", " ", text).strip(" ,.;-–—|·•/")
    day, precision = _day_in_figures(text, languages, latest) or _day_in_words(text, languages, latest) or (None, "")
    if day is None:
        return None
    if era_day is not None:
        _check_year(day.year)
    if precision != "day":
        return partial(datetime(day.year, day.month, 1, tzinfo=UTC), "month" if precision == "month" else "year")
    if not clock:
        return _at(day, None, None, None)
    return _at(
        day,
        clock["H"],
        clock["M"] or clock["M2"],
        clock["S"],
        zone=clock["zone"],
        offset=_offset(clock),
        afternoon=afternoon,
    )


def _era(text: str) -> tuple[str, str | None]:
    match = _ERA.search(text)
    if match is None:
        return text, None
    year = _ERAS[match[1]] + (1 if match[2] == "元" else int(match[2])) - 1
    return f"{text[: match.start()]}{year}年{text[match.end() :]}", match[1]


_Day = tuple[date, str]


def _day_in_figures(text: str, languages: tuple[str, ...], latest: int | None) -> _Day | None:
    rest = _without_weekdays(text)
    if match := _CJK_DATE.fullmatch(rest):
        return _checked(int(match[1]), match[2], match[3])
    if match := _VIETNAMESE.fullmatch(rest):
        return _checked(int(match[3]), match[2], match[1])
    if match := _MONTH_YEAR.fullmatch(rest):
        return _checked(int(match[2]), match[1], None)
    match = _FIGURES.fullmatch(rest)
    if match is None:
        return None
    first, mark, second, third = match[1], match[2], match[3], match[4]
    if len(first) == 4:
        return _checked(int(first), second, third) if len(third) == 2 else None
    if len(first) > 2 or len(third) == 3:
        return None
    open_order = len(third) == 2 and mark != "." and int(third) <= 31 and not _day_first(languages)
    if open_order and (int(first) > 12 or int(second) <= 12):
        return None  # 12/31/21 can only be read one way, 3/4/21 and 21/12/31 can't
    year = int(third) if len(third) == 4 else _century(int(third), latest)
    a, b = int(first), int(second)
    if mark == "." or a == b or a > 12 or (b <= 12 and _day_first(languages)):
        return _checked(year, second, first)
    if b > 12:
        return _checked(year, first, second)
    return _checked(year, None, None)


def _day_first(languages: tuple[str, ...]) -> bool:
    return bool(languages) and not any(language in _NOT_DAY_FIRST for language in languages)


def _checked(year: int, month: str | None, day: str | None) -> _Day:
    _check_year(year)
    if month is None:
        return date(year, 1, 1), "year"
    return date(year, int(month), int(day or 1)), "day" if day else "month"


def _century(year: int, latest: int | None) -> int:
    """Two digits to four: 69 to 99 are 19yy, 00 to 68 are 20yy (POSIX strptime), never after the capture."""
    full = year + (1900 if year >= 69 else 2000)
    return full - 100 if latest is not None and full > latest else full


_EAST_ASIAN_WEEKDAY = re.compile(
    r"\s?\(([月火水木金土日월화수목금토일](曜日?|요일)?|周[一二三四五六日])\)|\s?星期[一二三四五六日天]|\s?[月火水木金土日]曜日?|\s?[월화수목금토일]요일"
)


def _without_weekdays(text: str) -> str:
    text = _EAST_ASIAN_WEEKDAY.sub("", text)
    words = [word for word in text.split(" ") if word.strip(",.()") not in _weekdays() | _FILLERS]
    return " ".join(words).strip(" ,.;-–—|()")


def _day_in_words(  # noqa: PLR0912 - the branches are the grammar
    text: str, languages: tuple[str, ...], latest: int | None
) -> _Day | None:
    """Day, month name and year in any order; every other word must be a weekday or a filler."""
    short_year = re.search(r"['’](\d{2})(?!\d)", text)
    tokens = _TOKEN.findall(_ORDINAL.sub("", text))
    months: frozenset[int] | None = None
    month_at = -1
    numbers: list[tuple[int, str]] = []
    index = 0
    while index < len(tokens):
        token = tokens[index].strip("'’ʼ")
        pair = f"{token} {tokens[index + 1]}" if index + 1 < len(tokens) else ""
        if token.isdigit():
            numbers.append((index, token))
        elif pair and (found := _month(pair, languages)):
            if months is not None:
                return None
            months, month_at = found, index
            index += 1
        elif token in _weekdays() or token in _FILLERS or token in _ZONES or not token:
            # Weekdays first: "mar" is also mardi, "mar." also martes; a month is still found among the others.
            if months is None and (found := _month(token, languages)) and not _other_month(tokens, index, languages):
                months, month_at = found, index
        elif found := _month(token, languages):
            if months is not None:
                return None
            months, month_at = found, index
        else:
            return None
        index += 1
    if months is None:
        return None
    years = [number for number in numbers if len(number[1]) == 4]
    days = [number for number in numbers if len(number[1]) <= 2]
    if len(years) + len(days) != len(numbers) or len(years) > 1:
        return None
    if not years:
        if len(days) != 2:
            return None
        # 12 Jan 22, Jan 12, '22: the year is the last of the two.
        if not (short_year or days[0][0] < month_at < days[1][0] or month_at < days[0][0]):
            return None
        year, days = _century(int(days[1][1]), latest), days[:1]
    else:
        year = int(years[0][1])
    if len(days) > 1:
        return None
    if year > LAST_YEAR and any("\u0e00" <= char <= "\u0e7f" for char in text):
        year -= 543  # Thai Buddhist era
    if len(months) > 1:
        return _checked(year, None, None)
    return _checked(year, str(min(months)), days[0][1] if days else None)


def _other_month(tokens: list[str], index: int, languages: tuple[str, ...]) -> bool:
    return any(_month(token, languages) for at, token in enumerate(tokens) if at != index and not token.isdigit())


def _month(word: str, languages: tuple[str, ...]) -> frozenset[int] | None:
    """The months that a word can mean, in the given languages if it is a month there, else in any."""
    meanings = _months().get(word.rstrip("."))
    if meanings is None:
        return None
    if languages:
        here = frozenset(month for month, tongues in meanings.items() if not tongues.isdisjoint(languages))
        if here:
            return here
    return frozenset(meanings)


_LOCALES: Final = (
    "af ar ar_LB az be bg bn bs ca cs cy da de de_AT el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it "
    "ja ka kk km kn ko ky lb lo lt lv mk ml mn mr ms mt my nb ne nl nn no pa pl ps pt ro ru si sk sl sq sr sr_Latn "
    "sv sw ta te th tr uk ur uz vi zh zu"
).split()
# Spellings of the press that CLDR doesn't have.
_MORE_MONTHS: Final = {
    "de": {1: "jänner jaenner jän", 2: "feber febr", 3: "maerz mrz", 6: "juno", 7: "julei"},
    "en": {6: "june", 7: "july", 9: "sept"},
    "fr": {2: "fév fevr", 8: "aout"},
    "es": {9: "setiembre set sept"},
    "it": {9: "sett"},
    "nl": {3: "mrt"},
}


@lru_cache(maxsize=1)
def _months() -> Mapping[str, Mapping[int, frozenset[str]]]:
    """Month name, case-folded and without a final stop -> month -> languages in which it is that month's name."""
    from babel import Locale

    found: dict[str, dict[int, set[str]]] = {}

    def add(name: str, month: int, language: str) -> None:
        name = unicodedata.normalize("NFKC", name).casefold().strip().rstrip(".")
        if len(name) < 2 or any(char.isdigit() for char in name):
            return
        bare = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) != "Mn")
        # Accents often get lost in Latin script; in others a mark is a letter's half.
        for spelling in {name, bare} if bare.isascii() else {name}:
            found.setdefault(spelling, {}).setdefault(month, set()).add(language)

    for code in _LOCALES:
        locale = Locale.parse(code)
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for month, name in locale.months[context][width].items():
                    add(name, month, "no" if code in ("nb", "nn") else code[:2] if code != "fil" else "tl")
    for language, names in _MORE_MONTHS.items():
        for month, words in names.items():
            for word in words.split():
                add(word, month, language)
    return {name: {month: frozenset(tongues) for month, tongues in by.items()} for name, by in found.items()}


@lru_cache(maxsize=1)
def _weekdays() -> frozenset[str]:
    from babel import Locale

    names: set[str] = set()
    for code in _LOCALES:
        days = Locale.parse(code).days
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated", "short"):
                names.update(
                    unicodedata.normalize("NFKC", name).casefold().rstrip(".")
                    for name in days[context][width].values()
                )
    return frozenset(name for name in names if len(name) > 1 and not name.isdigit())
