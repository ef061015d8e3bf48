"""Whole histories as Parquet: one folder per day, with a schema that never depends on the rows."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langswarm_nb.analysis.columns import ATTACHMENTS, MESSAGES, SESSIONS, TURNS, Column, Dtype
from langswarm_nb.analysis.cost import DAY_US
from langswarm_nb.analysis.filters import Filter, Moment
from langswarm_nb.analysis.frames import SCHEMA, attachments_df, messages_df, sessions_df, turns_df
from langswarm_nb.analysis.store import Source
from langswarm_nb.core.session.errors import (
    MissingExtraError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.files import make_private_folders, write_private
from langswarm_nb.core.session.values import to_us

from .progress import Progress
from .redaction import Redaction, redactor, with_redacted

if TYPE_CHECKING:
    import pandas as pd

FrameName = Literal["messages", "turns", "sessions", "attachments"]
_FRAMES: dict[str, tuple[Any, tuple[Column, ...], str]] = {
    "messages": (messages_df, MESSAGES, "created_at"),
    "turns": (turns_df, TURNS, "started_at"),
    "sessions": (sessions_df, SESSIONS, "created_at"),
    "attachments": (attachments_df, ATTACHMENTS, "created_at"),
}
NO_DATE = "1970-01-01"
"""Partition of rows whose moment is not known: readers stumble over one without a date."""
_DAY = re.compile(r"date=\d{4}-\d\d-\d\d")


def export_parquet(
    url: str | os.PathLike[str],
    frames: Sequence[FrameName] = ("messages", "turns", "sessions", "attachments"),
    since: Moment = None,
    *,
    until: Moment = None,
    source: Source = None,
    user_id: str | None = None,
    all: bool = False,
    redact: Redaction = False,
) -> str:
    """Write frames as Parquet for DuckDB, Polars, Dask, Spark and the like: all branches, one folder per day.

    ``<url>/<frame>/date=YYYY-MM-DD/part-0.parquet``, where the date is the day (UTC) of ``created_at``, for turns of
    ``started_at``. A second export changes only the files whose rows have changed, and removes those of days that
    no longer have rows, so that the folder holds what this call exports. On this machine's disk only their owner can
    read the files.

    Parameters
    ----------
    url : str or path
        A folder, or a URL that fsspec knows.
    frames : sequence of {"messages", "turns", "sessions", "attachments"}
        Which frames; the last has names and hashes of attachments, not their bytes.
    since, until, user_id, all
        As in the functions of the frames; give whole days, since each day's file is rewritten.
    source : manager, storage, session or list of sessions, optional
        What to export; by default the sessions of this notebook, and in a program that is none those of its manager.
    redact : bool or callable
        As in `export`; by default texts are written as they are stored.

    Returns
    -------
    str
        The place.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed, or for a URL fsspec.
    SessionValueError, SessionTypeError
        An argument is not allowed.
    SessionStorageError
        The store cannot be read, or the files not be written.
    """
    if not isinstance(frames, list | tuple) or any(not isinstance(name, str) for name in frames):
        raise SessionTypeError.of("frames", frames, "a list of frame names")
    for name in frames:
        if name not in _FRAMES:
            raise SessionValueError.of("frames", name, _FRAMES)
    place = _as_place(url)
    take_out, limits = redactor(redact), Filter.of(since, until, user_id, "all")
    for name in dict.fromkeys(frames):
        build, columns, moment = _FRAMES[name]
        frame = build(source, since=since, until=until, user_id=user_id, branch="all", all=all)
        _write(with_redacted(frame, name, take_out), columns, moment, _Place(place, name), limits)
    return place


def arrow_schema(columns: Sequence[Column]) -> Any:
    """Return the Arrow schema of a frame: fixed, whatever the rows."""
    pa = _pyarrow()
    types = {
        Dtype.TEXT: pa.string(),
        Dtype.CATEGORY: pa.dictionary(pa.int32(), pa.string()),
        Dtype.INT16: pa.int16(),
        Dtype.INT32: pa.int32(),
        Dtype.INT64: pa.int64(),
        Dtype.FLOAT: pa.float64(),
        Dtype.BOOLEAN: pa.bool_(),
        Dtype.TIME: pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(column.name, types[column.dtype]) for column in columns])


def _write(
    frame: pd.DataFrame, columns: Sequence[Column], moment: str, place: _Place, limits: Filter
) -> None:
    pa = _pyarrow()
    schema = arrow_schema(columns)
    days = frame[moment].dt.strftime("%Y-%m-%d").astype(object).where(frame[moment].notna(), NO_DATE)
    try:
        with Progress(f"writing {place.name}", len(frame), "row") as progress:
            for day, rows in frame.groupby(days, sort=True):
                place.put(
                    str(day), pa.Table.from_pandas(_by_itself(rows), schema=schema, preserve_index=False)
                )
                progress.advance(len(rows))
        for day in place.days() - set(days):
            if _is_within(day, limits):
                place.remove(day)
    except (OSError, pa.ArrowException) as error:
        raise SessionStorageError(
            f"The Parquet files could not be written to {place.root!r}: {error}. "
            "Choose another place or free some space."
        ) from error


def _by_itself(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose categories are their own, so that a day's file depends on nothing but the day."""
    few = rows.select_dtypes("category")
    return rows.assign(**{str(name): few[name].cat.remove_unused_categories() for name in few})


def _is_within(day: str, limits: Filter) -> bool:
    """Return whether all rows of a day would have been exported."""
    if day == NO_DATE:
        return limits.since_us is None and limits.until_us is None
    start = to_us("day", datetime.strptime(f"{day}+0000", "%Y-%m-%d%z"))
    return (limits.since_us is None or limits.since_us <= start) and (
        limits.until_us is None or start + DAY_US <= limits.until_us
    )


class _Place:
    """The folder of a frame: one file per day."""

    def __init__(self, url: str, name: str) -> None:
        self._filesystem, root = _filesystem(url)
        self.root, self.name = f"{root}/{name}", name

    def put(self, day: str, table: Any) -> None:
        """Write the file of a day, unless it holds these very bytes."""
        pa = _pyarrow()
        import pyarrow.parquet as pq

        buffer = pa.BufferOutputStream()
        pq.write_table(
            table.replace_schema_metadata(_without_time(table.schema.metadata)), buffer, compression="zstd"
        )
        data, path = buffer.getvalue(), self._path(day)
        old = self._read(path)
        if old is None or not data.equals(old):
            self._write(path, data)

    def _write(self, path: str, data: Any) -> None:
        if self._filesystem.type_name == "local":
            make_private_folders(Path(path).parent)
            write_private(path, data.to_pybytes())
            return
        self._filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        with self._filesystem.open_output_stream(path) as file:
            file.write(data)

    def days(self) -> set[str]:
        """Return the days that have a file."""
        from pyarrow import fs

        selector = fs.FileSelector(self.root, allow_not_found=True)
        names = [found.base_name for found in self._filesystem.get_file_info(selector)]
        return {name.removeprefix("date=") for name in names if _DAY.fullmatch(name)}

    def remove(self, day: str) -> None:
        """Remove the file of a day."""
        if self._read(self._path(day)) is not None:
            self._filesystem.delete_file(self._path(day))

    def _path(self, day: str) -> str:
        return f"{self.root}/date={day}/part-0.parquet"

    def _read(self, path: str) -> Any:
        try:
            with self._filesystem.open_input_file(path) as file:
                return file.read_buffer()
        except FileNotFoundError:
            return None


def _without_time(metadata: Any) -> Any:
    import json

    told = dict(metadata or {})
    if b"pandas" in told:
        pandas_facts = json.loads(told[b"pandas"])
        pandas_facts["attributes"] = {"langswarm": {"schema": SCHEMA}}
        told[b"pandas"] = json.dumps(pandas_facts)
    return told


def _as_place(url: object) -> str:
    place = os.fspath(url) if isinstance(url, (str, os.PathLike)) else url
    if not isinstance(place, str):
        raise SessionTypeError.of("url", url, "a folder or a URL, as text or path")
    if not place.strip() or "\0" in place:
        raise SessionValueError.of("url", place, "a folder or a URL")
    return place


def _filesystem(url: str) -> tuple[Any, str]:
    _pyarrow()
    from pyarrow import fs

    url = url.removeprefix("file://")
    if "://" not in url:
        return fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(url))  # noqa: PTH100, PTH111 - text for pyarrow
    try:
        fsspec = import_module("fsspec")
    except ImportError as error:
        raise MissingExtraError(
            f"{url.partition('://')[0]}:// needs the package fsspec (and that of the service). "
            "Install it with `pip install fsspec`, or export to a folder."
        ) from error
    try:
        inner, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise SessionValueError(
            f"The place {url.partition('://')[0]}:// cannot be opened: {error}."
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(inner)), root.rstrip("/")


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(
            "Parquet needs pyarrow, which is not installed. Install it with `pip install 'langswarm-nb[parquet]'`."
        ) from error
    return pa
