"""Dates: every way they are written, with the precision they have and never one they don't."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.dates import FIRST_YEAR, LAST_YEAR, parse_date, parse_partial

READ = [
    # ISO 8601 and its relatives
    ("2022", "2022-01-01T00:00:00", "year"),
    ("2022-01", "2022-01-01T00:00:00", "month"),
    ("2022-01-12", "2022-01-12T00:00:00", "day"),
    ("20220112", "2022-01-12T00:00:00", "day"),
    ("2022-012", "2022-01-12T00:00:00", "day"),
    ("2022-W02-3", "2022-01-12T00:00:00", "day"),
    ("2022-W02", "2022-01-01T00:00:00", "month"),
    ("2022-01-12T14", "2022-01-12T00:00:00", "day"),
    ("2022-01-12T14:30", "2022-01-12T14:30:00", "minute"),
    ("2022-01-12T14:30:05Z", "2022-01-12T14:30:05", "second"),
    ("2022-01-12t14:30:05z", "2022-01-12T14:30:05", "second"),
    ("2022-01-12T14:30:05.123456+01:00", "2022-01-12T13:30:05", "second"),
    ("2022-01-12T14:30:05,5-0530", "2022-01-12T20:00:05", "second"),
    ("20220112T143005Z", "2022-01-12T14:30:05", "second"),
    ("2022-01-12 14:30:00 +0100", "2022-01-12T13:30:00", "second"),
    ("2022-01-12 14:30:00 UTC", "2022-01-12T14:30:00", "second"),
    ("2022-01-12 14:30:00 CET", "2022-01-12T13:30:00", "second"),
    ("2022-01-12T14:30:05[Europe/Berlin]", "2022-01-12T14:30:05", "second"),
    ("2022-01-12T24:00", "2022-01-13T00:00:00", "minute"),
    ("2022-01-12T23:59:60Z", "2022-01-13T00:00:00", "second"),
    ("2022-01-12+01:00", "2022-01-12T00:00:00", "day"),
    ("2022-1-5", "2022-01-05T00:00:00", "day"),
    ("2022/01/12", "2022-01-12T00:00:00", "day"),
    ("2022.01.12", "2022-01-12T00:00:00", "day"),
    ("2022-00-00", "2022-01-01T00:00:00", "year"),
    ("2022-01-00", "2022-01-01T00:00:00", "month"),
    # a dumped date column has midnight without a zone; a zone makes it a time
    ("2022-01-12 00:00:00", "2022-01-12T00:00:00", "day"),
    ("2022-01-12T00:00:00Z", "2022-01-12T00:00:00", "second"),
    ("2022-01-12T00:00:00+01:00", "2022-01-11T23:00:00", "second"),
    # figures alone
    ("1641996000", "2022-01-12T14:00:00", "second"),
    ("1641996000.25", "2022-01-12T14:00:00", "second"),
    ("1641996000000", "2022-01-12T14:00:00", "second"),
    ("1641996000000000", "2022-01-12T14:00:00", "second"),
    ("1641996000000000000", "2022-01-12T14:00:00", "second"),
    ("-1641996000", "1917-12-20T10:00:00", "second"),
    ("202201", "2022-01-01T00:00:00", "month"),
    ("202201121430", "2022-01-12T14:30:00", "minute"),
    ("20220112143005", "2022-01-12T14:30:05", "second"),
    ("/Date(1641996000000)/", "2022-01-12T14:00:00", "second"),
    # RFC 822 and 5322, ctime, JavaScript
    ("Wed, 12 Jan 2022 14:30:00 GMT", "2022-01-12T14:30:00", "second"),
    ("Wed, 12 Jan 2022 14:30:00 +0100", "2022-01-12T13:30:00", "second"),
    ("12 Jan 22 14:30 EST", "2022-01-12T19:30:00", "minute"),
    ("Wed Jan 12 14:30:00 2022", "2022-01-12T14:30:00", "second"),
    ("Wed Jan 12 14:30:00 UTC 2022", "2022-01-12T14:30:00", "second"),
    ("Wed Jan 12 2022 14:30:00 GMT+0100 (Central European Standard Time)", "2022-01-12T13:30:00", "second"),
    # English
    ("January 12, 2022", "2022-01-12T00:00:00", "day"),
    ("January 12th, 2022 at 2:30 PM EST", "2022-01-12T19:30:00", "minute"),
    ("12 a.m. Jan 12, 2022", "2022-01-12T00:00:00", "day"),
    ("12:05 a.m. Jan 12, 2022", "2022-01-12T00:05:00", "minute"),
    ("Jan. 12, 2022 2:30 p.m. ET", "2022-01-12T00:00:00", "day"),  # summer or winter time isn't said
    ("14:30, 12 January 2022", "2022-01-12T14:30:00", "minute"),
    ("2:30pm on 12 January 2022", "2022-01-12T14:30:00", "minute"),
    ("Updated 12 January 2022", "2022-01-12T00:00:00", "day"),
    ("January 2022", "2022-01-01T00:00:00", "month"),
    ("Sept 2021", "2021-09-01T00:00:00", "month"),
    ("12-Jan-2022", "2022-01-12T00:00:00", "day"),
    ("Jan 12, '22", "2022-01-12T00:00:00", "day"),
    # German, French, Spanish, Italian, Portuguese, Dutch
    ("12. Januar 2022", "2022-01-12T00:00:00", "day"),
    ("Mittwoch, 12. Januar 2022, 14.30 Uhr", "2022-01-12T14:30:00", "minute"),
    ("Stand: 12.01.2022, 14:30 Uhr", "2022-01-12T14:30:00", "minute"),
    ("12.1.22", "2022-01-12T00:00:00", "day"),
    ("Jänner 2022", "2022-01-01T00:00:00", "month"),
    ("3. Mrz. 2021", "2021-03-03T00:00:00", "day"),
    ("le 3 février 2022 à 14h30", "2022-02-03T14:30:00", "minute"),
    ("1er mars 2022", "2022-03-01T00:00:00", "day"),
    ("mardi 1 mars 2022", "2022-03-01T00:00:00", "day"),
    ("mar. 12 janv. 2021", "2021-01-12T00:00:00", "day"),
    ("15 août 2021", "2021-08-15T00:00:00", "day"),
    ("12 de enero de 2022", "2022-01-12T00:00:00", "day"),
    ("martes, 8 de marzo de 2022", "2022-03-08T00:00:00", "day"),
    ("martes, 8 de mar. de 2022", "2022-03-08T00:00:00", "day"),
    ("mercoledì 12 gennaio 2022 alle ore 14:30", "2022-01-12T14:30:00", "minute"),
    ("12 de janeiro de 2022 às 14h30", "2022-01-12T14:30:00", "minute"),
    ("woensdag 12 maart 2022", "2022-03-12T00:00:00", "day"),
    # Japanese, Chinese, Korean
    ("2022年1月12日", "2022-01-12T00:00:00", "day"),
    ("2022年1月12日 14時30分", "2022-01-12T14:30:00", "minute"),
    ("2022年1月12日(水) 午後2時30分", "2022-01-12T14:30:00", "minute"),
    ("２０２２年１月１２日", "2022-01-12T00:00:00", "day"),
    ("2022年1月", "2022-01-01T00:00:00", "month"),
    ("2022年", "2022-01-01T00:00:00", "year"),
    ("令和4年1月12日", "2022-01-12T00:00:00", "day"),
    ("平成元年5月3日", "1989-05-03T00:00:00", "day"),
    ("2022年01月12日 14:30", "2022-01-12T14:30:00", "minute"),
    ("2022년 1월 12일 오후 2:30", "2022-01-12T14:30:00", "minute"),
    # others
    ("12 января 2022 г.", "2022-01-12T00:00:00", "day"),
    ("12 января 2022, 14:30 МСК", "2022-01-12T11:30:00", "minute"),
    ("12 stycznia 2022", "2022-01-12T00:00:00", "day"),
    ("12 Μαΐου 2022", "2022-05-12T00:00:00", "day"),
    ("2022. január 12.", "2022-01-12T00:00:00", "day"),
    ("12 มกราคม 2564", "2021-01-12T00:00:00", "day"),
    ("1 tháng 2 năm 2022", "2022-02-01T00:00:00", "day"),
    ("12 يناير 2022", "2022-01-12T00:00:00", "day"),
    ("١٢ يناير ٢٠٢٢", "2022-01-12T00:00:00", "day"),
    ("12 जनवरी 2022", "2022-01-12T00:00:00", "day"),
    # figures in a doubtful order
    ("13/04/2021", "2021-04-13T00:00:00", "day"),
    ("04/13/2021", "2021-04-13T00:00:00", "day"),
    ("03/04/2021", "2021-01-01T00:00:00", "year"),
    ("05/05/2021", "2021-05-05T00:00:00", "day"),
    ("12/31/21", "2021-12-31T00:00:00", "day"),
    ("31/12/99", "1999-12-31T00:00:00", "day"),
    ("04/2021", "2021-04-01T00:00:00", "month"),
    # a month name that means another month in another language
    ("12 listopada 2022", "2022-01-01T00:00:00", "year"),
]


@pytest.mark.parametrize(("raw", "start", "precision"), READ, ids=[case[0] for case in READ])
def test_dates_are_read_with_their_precision(raw: str, start: str, precision: str) -> None:
    found = parse_date(raw)
    assert found is not None
    assert (found.start.isoformat(), found.precision) == (start + "+00:00", precision)


@pytest.mark.parametrize(
    ("precision", "raw", "until"),
    [
        ("year", "2022", "2023-01-01T00:00:00+00:00"),
        ("month", "2022-12", "2023-01-01T00:00:00+00:00"),
        ("day", "2024-02-28", "2024-02-29T00:00:00+00:00"),
        ("minute", "2022-12-31T23:59", "2023-01-01T00:00:00+00:00"),
        ("second", "2022-01-12T14:30:05Z", "2022-01-12T14:30:06+00:00"),
    ],
)
def test_the_end_is_exclusive(precision: str, raw: str, until: str) -> None:
    found = parse_date(raw)
    assert found is not None
    assert found.precision == precision
    assert found.until.isoformat() == until


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "yesterday",
            "gestern",
            "hier",
            "vor 3 Stunden",
            "2 hours ago",
            "Monday",
            "14:30",
            "12 Januar",
            "12 января",
        ),
        *("in 2022", "Winter 2022", "2022-13-01", "2022-02-30", "2022-01-12T25:00", "2022-366", "2022-W54-1"),
        *("12.01.2022 - 14.01.2022", "3/4/21", "21/12/31", "12", "123456", "1e999", "12 Jan Feb 2022", "x" * 10_000),
        *("<script>alert(1)</script>", "'; drop table article; --", "%s%n", "\x1b[31m2022", "2022-01-12; rm"),
    ],
)
def test_what_is_no_date_is_none(raw: str) -> None:
    assert parse_partial(raw).date is None
    assert parse_partial(raw).problem == "date_unreadable"


@pytest.mark.parametrize(
    "raw", ["", " ", "0000-00-00", "0000-00-00 00:00:00", "null", "None", "NaN", "NaT", "0", "-"]
)
def test_a_placeholder_says_nothing(raw: str) -> None:
    assert parse_partial(raw) == parse_partial(None)
    assert parse_partial(raw).problem is None


@pytest.mark.parametrize(
    "raw", ["0001-01-01", "9999-12-31", "1599-12-31", "2101-01-01", "99999999999", "1. Mai 1599"]
)
def test_years_nobody_published_in_are_dropped(raw: str) -> None:
    assert parse_partial(raw).problem == "date_out_of_range"


@pytest.mark.parametrize("raw", ["1600-01-01", "2100-12-31"])
def test_the_first_and_the_last_year_count(raw: str) -> None:
    assert parse_date(raw) is not None


def test_the_capture_bounds_the_date() -> None:
    captured = datetime(2022, 1, 12, 10, tzinfo=UTC)
    assert parse_partial("2022-01-13T10:00:00Z", captured_at=captured).date is not None
    assert parse_partial("2022-01-13T10:00:01Z", captured_at=captured).problem == "date_after_capture"
    assert parse_partial("2022", captured_at=captured).date is not None
    assert parse_partial("2022-02", captured_at=captured).problem == "date_after_capture"


def test_the_capture_settles_the_century_of_two_digits() -> None:
    found = parse_date("12.1.45", captured_at=datetime(2021, 1, 1, tzinfo=UTC))
    assert found is not None
    assert found.start.year == 1945


@pytest.mark.parametrize(
    ("raw", "languages", "day"),
    [
        ("03/04/2021", ("fr",), "2021-04-03"),
        ("3-4-2021", ("nl",), "2021-04-03"),
        ("3/4/21", ("es",), "2021-04-03"),
        ("12 listopada 2022", ("pl",), "2022-11-12"),
        ("12. listopada 2022", ("hr",), "2022-10-12"),
    ],
)
def test_the_language_settles_what_is_open(raw: str, languages: tuple[str, ...], day: str) -> None:
    found = parse_date(raw, languages=languages)
    assert found is not None
    assert (found.start.date().isoformat(), found.precision) == (day, "day")


def test_english_leaves_the_order_of_day_and_month_open() -> None:
    found = parse_date("03/04/2021", languages=("en",))
    assert found is not None
    assert found.precision == "year"


@given(st.datetimes(datetime(FIRST_YEAR, 1, 2), datetime(LAST_YEAR, 12, 30)), st.integers(-840, 840))  # noqa: DTZ001
def test_iso_times_with_any_offset_are_exact(moment: datetime, minutes: int) -> None:
    shift = timedelta(minutes=minutes)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    raw = f"{moment.replace(microsecond=0).isoformat()}{sign}{hours:02}:{rest:02}"
    found = parse_date(raw)
    assert found is not None
    assert found.start == moment.replace(microsecond=0, tzinfo=UTC) - shift
    assert found.until - found.start == timedelta(seconds=1)


@given(st.text(max_size=60))
def test_no_text_raises(raw: str) -> None:
    found = parse_partial(raw)
    assert (found.date is None) or (FIRST_YEAR <= found.date.start.year <= LAST_YEAR)


@given(st.from_regex(r"[0-9]{1,4}[ ./-]{1,2}[0-9A-Za-zäéû年月]{1,9}[ ./-]{0,2}[0-9]{0,4}( [0-9]{1,2}[:h][0-9]{2})?"))
def test_nothing_like_a_date_raises(raw: str) -> None:
    parse_partial(raw, captured_at=datetime(2022, 1, 1, tzinfo=UTC), languages=("de", "en"))
