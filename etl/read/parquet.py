"""Parquet, by pyarrow: a few rows at a time, only the columns that hold something we know."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from etl.errors import KlartextError
from etl.model import Capture, Reject
from etl.read.base import InputFile
from etl.read.fields import FieldReader, check_columns, is_known
from etl.text import decode, safe_for_terminal

_ROWS: Final = 32
_SPOOL_BYTES: Final = 1 << 20


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """One outcome a row; origins are ``path:ROW``, counted from 1.

    Raises:
        UsageError: the mapping names a column that the file doesn't have.
        KlartextError: there is no room for unpacking a compressed file.
    """
    with _seekable(file) as raw:
        if file.stream.problem is not None:
            yield cast(Reject, file.ending_reject())
            return
        yield from _read(file, raw)


def _seekable(file: InputFile) -> BinaryIO:
    """The file itself; a compressed one is unpacked to an unnamed temporary file, since Parquet is read from its
    end."""
    if file.stream.compression is None:
        return file.stream.source()
    try:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        while chunk := file.stream.read(_SPOOL_BYTES):
            spool.write(chunk)
        spool.seek(0)
    except OSError as error:
        raise KlartextError(
            f"{safe_for_terminal(file.origin, one_line=True)} can't be unpacked to {tempfile.gettempdir()}: "
            f"{error.strerror or error}",
            fix="make room there or set TMPDIR to a folder with room, then run the same command again",
        ) from None
    return cast(BinaryIO, spool)


def _read(file: InputFile, raw: BinaryIO) -> Iterator[Capture | Reject]:
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(raw, buffer_size=_SPOOL_BYTES, pre_buffer=False, page_checksum_verification=True)
        columns = list(table.schema_arrow.names)
        groups = table.num_row_groups
        sizes = [table.metadata.row_group(index).num_rows for index in range(groups)]
        unpacked = sum(table.metadata.row_group(index).total_byte_size for index in range(groups))
    except Exception as error:  # pyarrow raises its own, OSError, and whatever its C++ met
        yield file.reject(*_damage(raw, error))
        return
    if unpacked > file.limits.max_decompressed_bytes:
        detail = f"the file unpacks to {unpacked:,} bytes, the limit is {file.limits.max_decompressed_bytes:,}"
        yield file.reject("decompression_bomb", detail)
        return
    check_columns(file.mapping, columns, file.origin)
    reader = FieldReader(file)
    reader.plan(tuple(columns))
    wanted = [name for name in columns if is_known(name, None, file.mapping)]
    if not any(is_known(name, ("text", "html"), file.mapping) for name in wanted):
        shown = ", ".join(repr(name[:80]) for name in columns[:20])
        detail = f"no column holds text or html; the columns are {shown} (--map text=COLUMN names it)"
        yield file.reject("missing_text", detail)
        return
    if not sum(sizes):
        file.report.notice(f"{file.origin}: columns and no rows")
    first = 1
    for group, size in enumerate(sizes):
        row = first
        try:
            for batch in table.iter_batches(
                batch_size=_ROWS, row_groups=[group], columns=wanted, use_threads=False, use_pandas_metadata=False
            ):
                names = batch.schema.names
                held = [_values(batch.column(index)) for index in range(batch.num_columns)]
                for values in zip(*held, strict=True):
                    record = {name: value for name, value in zip(names, values, strict=True) if name in wanted}
                    yield _outcome(file, reader, record, f"{file.origin}:{row}")
                    row += 1
        except Exception as error:
            detail = f"rows {row:,} to {first + size - 1:,} can't be read: {str(error)[:300]}"
            yield file.reject("corrupt_file", detail, origin=f"{file.origin}:{row}")
        first += size
    reader.finish()


def _outcome(file: InputFile, reader: FieldReader, record: dict[str, Any], origin: str) -> Capture | Reject:
    limit = file.limits.max_record_bytes
    size = sum(len(value) for value in record.values() if isinstance(value, str | bytes))
    if size > limit:
        return file.reject(
            "record_too_large", f"the row has {size:,} characters, the limit is {limit:,}", origin=origin
        )
    return reader.capture(record, origin)


def _values(column: Any) -> list[Any]:
    """A column's values as Python's. Times finer than microseconds are cut; text that isn't UTF-8 is detected; what
    Python can't hold (a year after 9999) comes as a wrong type."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    try:
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
        return cast("list[Any]", column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())
        return [decode(value).text if value is not None else None for value in raw.to_pylist()]
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(value) for value in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return [None]  # no field takes a list with nothing in it: noted as a wrong type


def _damage(raw: BinaryIO, error: Exception) -> tuple[str, str]:
    try:
        raw.seek(0)
        begins = raw.read(4) == b"PAR1"
        raw.seek(-4, 2)
        ends = raw.read(4) == b"PAR1"
    except (OSError, ValueError):
        begins = ends = False
    if begins and not ends:
        return "truncated_file", "the file begins like Parquet and has no end: it is cut off"
    if not begins:
        return "corrupt_file", "the file isn't Parquet"
    return "corrupt_file", f"the file is damaged: {str(error)[:300]}"
