"""What each frame holds: columns as data, with name, dtype, what is read of a stored row, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.hooks import EventKind

if TYPE_CHECKING:
    from .rows import StoredRows

Values: TypeAlias = Any
"""A column before it gets its dtype: an array of whole numbers with `MISSING`, of floats with NaN, texts, codes."""


class Dtype(Enum):
    """The dtypes that frames have."""

    TEXT = "str"
    CATEGORY = "category"
    INT16 = "Int16"
    INT32 = "Int32"
    INT64 = "Int64"
    FLOAT = "float64"
    BOOLEAN = "boolean"
    TIME = "datetime64[us, UTC]"


class Kind(Enum):
    """How the values of an SQL expression are collected."""

    WHOLE = "whole numbers"
    REAL = "real numbers"
    TEXT = "texts"
    FEW = "texts of which there are few different ones"


@dataclass(frozen=True, slots=True)
class Read:
    """An SQL expression over ``messages``, read for each row."""

    sql: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame."""

    name: str
    dtype: Dtype
    make: Callable[[StoredRows], Values]
    """Makes the values of all rows from what was read of them."""
    reads: tuple[Read, ...] = ()
    session_reads: tuple[Read, ...] = ()
    """What is read of the row's session."""
    categories: tuple[str, ...] = ()
    """Categories that are always there, in this order; others follow by name."""


ID = Read("id", Kind.WHOLE)
"""``sid << 32 | seq``: always read, rows come in its order."""

_KINDS = {Dtype.TEXT: Kind.TEXT, Dtype.CATEGORY: Kind.FEW, Dtype.FLOAT: Kind.REAL}


def stored(name: str, dtype: Dtype, sql: str | None = None, categories: tuple[str, ...] = ()) -> Column:
    """Return a column that is stored as it is shown."""
    read = Read(sql or name, _KINDS.get(dtype, Kind.WHOLE))
    return Column(name, dtype, lambda rows: rows[read], (read,), categories=categories)


def of_session(name: str) -> Column:
    """Return a text column that all rows of a session share."""
    read = Read(name, Kind.TEXT)
    return Column(name, Dtype.TEXT, lambda rows: rows.of_session(read), session_reads=(read,))


def choose(columns: Sequence[Column], names: Sequence[str] | None) -> tuple[Column, ...]:
    """Return the columns with these names, in their order; all when there are none.

    Raises
    ------
    SessionValueError, SessionTypeError
        The frame has no column of this name, or ``names`` is no list of names.
    """
    if names is None:
        return tuple(columns)
    by_name = {column.name: column for column in columns}
    if isinstance(names, (str, bytes)) or not all(isinstance(name, str) for name in names):
        raise SessionTypeError.of("columns", names, "a list of column names, or None for all")
    for name in names:
        if name not in by_name:
            raise SessionValueError.of("columns", name, by_name)
    return tuple(by_name[name] for name in dict.fromkeys(names))


ROLES = ("system", "user", "assistant", "tool")
FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "error", "interrupted")
SOURCES = ("magic", "panel", "api", "batch", "compare", "import")
STATUSES = ("ok", "stopped", "error")

_REQUEST_ID = "CASE WHEN provider IS NOT NULL THEN message_id END"
# A provider need not say which model answered, and an error has none; then it is the one that was asked for.
_MODEL = "ifnull(model, request_model)"
_PLACE = (
    stored("is_active", Dtype.BOOLEAN, "active"),
    stored("version", Dtype.INT32),
    stored("source", Dtype.CATEGORY, categories=SOURCES),
    stored("cell_id", Dtype.TEXT),
)
_IS_ACTIVE, _VERSION, _SOURCE, _CELL_ID = _PLACE
_CONTENT = Read("content", Kind.TEXT)
_MESSAGE_ID = Read("message_id", Kind.TEXT)
_PARENT = Read("parent", Kind.WHOLE)
_ROLE = Read("role", Kind.FEW)
# Only the parts that a column is made of leave the database: none of the reasoning, images and results.
_TOOLS = Read(
    "CASE WHEN parts IS NOT NULL AND role IN ('assistant', 'tool') THEN tools(parts) END", Kind.TEXT
)

MESSAGES: tuple[Column, ...] = (
    of_session("session_id"),
    Column("message_id", Dtype.TEXT, lambda rows: rows[_MESSAGE_ID], (_MESSAGE_ID,)),
    Column("seq", Dtype.INT32, lambda rows: rows.seq),
    stored("turn", Dtype.INT32),
    Column("role", Dtype.CATEGORY, lambda rows: rows[_ROLE], (_ROLE,), categories=ROLES),
    Column("content", Dtype.TEXT, lambda rows: rows[_CONTENT], (_CONTENT,)),
    Column("content_chars", Dtype.INT64, lambda rows: rows.chars(_CONTENT), (_CONTENT,)),
    stored("created_at", Dtype.TIME, "ts_us"),
    of_session("user_id"),
    stored("provider", Dtype.CATEGORY),
    stored("model", Dtype.CATEGORY, _MODEL),
    stored("finish_reason", Dtype.CATEGORY, categories=FINISH_REASONS),
    stored("request_id", Dtype.TEXT, _REQUEST_ID),
    Column("tool_call_id", Dtype.TEXT, lambda rows: rows.tools(_TOOLS, "id"), (_TOOLS,)),
    Column("tool_name", Dtype.TEXT, lambda rows: rows.tools(_TOOLS, "name"), (_TOOLS,)),
    Column("n_tool_calls", Dtype.INT16, lambda rows: rows.tool_calls(_TOOLS, _ROLE), (_TOOLS, _ROLE)),
    Column(
        "parent_id",
        Dtype.TEXT,
        lambda rows: rows.of_parent(_PARENT, _MESSAGE_ID),
        (_PARENT, _MESSAGE_ID),
    ),
    _VERSION,
    _IS_ACTIVE,
    _SOURCE,
    _CELL_ID,
    stored("metadata_json", Dtype.TEXT, "metadata"),
)

EVENTS: tuple[Column, ...] = (
    stored("at", Dtype.TIME),
    stored("event", Dtype.CATEGORY, categories=get_args(EventKind)),
    stored("session_id", Dtype.TEXT),
    stored("user_id", Dtype.TEXT),
    stored("value", Dtype.FLOAT),
    stored("detail_json", Dtype.TEXT),
)
