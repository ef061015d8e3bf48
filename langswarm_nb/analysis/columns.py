"""What each frame holds: columns as data, with name, dtype, what is read of a stored row, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias, get_args

from langswarm_nb.core.session.checks import SOURCES
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.hooks import EventKind
from langswarm_nb.core.session.messages import FinishReason, MessageRole, Status
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.provider_events import Route
from langswarm_nb.core.session.settings import SessionBackend, SessionStatus
from langswarm_nb.core.session.storage.part_texts import RESULTS

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
    ID = "ids of messages as they are stored, which become texts"


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
    make: Callable[[Any], Values]
    """Makes the values of all rows from what was read of them: `StoredRows`, or `SessionTotals` for `SESSIONS`."""
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


def of_session(name: str, sql: str | None = None) -> Column:
    """Return a text column that all rows of a session share."""
    read = Read(sql or name, Kind.TEXT)
    return Column(name, Dtype.TEXT, lambda rows: rows.of_session(read), session_reads=(read,))


def _last_used(name: str) -> Column:
    """Return what the last request of a session used; before the first one, what the session is set to."""
    read = Read(name, Kind.FEW)
    return Column(name, Dtype.CATEGORY, lambda rows: rows.last_used(name, read), (read,))


def _total(name: str, dtype: Dtype) -> Column:
    """Return a sum, count or extreme over the messages of a session."""
    return Column(name, dtype, lambda rows: rows.total(name))


def _told(name: str) -> str:
    """Return SQL for what the provider reported about a request under this name, or else for what was asked for."""
    told, asked = (
        f"CASE WHEN {column} IS NOT NULL THEN json_extract({column}, '$.{name}') END"
        for column in ("details", "params")
    )
    return f"ifnull({told}, {asked})"


def _detail(name: str) -> str:
    """Return SQL for the detail of a request under this name."""
    return f"CASE WHEN details IS NOT NULL THEN json_extract(details, '$.{name}') END"


def choose(columns: Sequence[Column], names: Any) -> tuple[Column, ...]:
    """Return the columns with these names, in their order; all when there are none.

    Raises
    ------
    SessionValueError, SessionTypeError
        The frame has no column of this name, or ``names`` is not a list of names.
    """
    if names is None:
        return tuple(columns)
    by_name = {column.name: column for column in columns}
    if (
        isinstance(names, (str, bytes))
        or not isinstance(names, Iterable)
        or not all(isinstance(name, str) for name in names)
    ):
        raise SessionTypeError.of("columns", names, "a list of column names, or None for all")
    for name in names:
        if name not in by_name:
            raise SessionValueError.of("columns", name, by_name)
    return tuple(by_name[name] for name in dict.fromkeys(names))


ROLES = tuple(role.value for role in MessageRole)
FINISH_REASONS = tuple(reason.value for reason in FinishReason)
STATUSES: tuple[str, ...] = get_args(Status)
SESSION_STATUSES = tuple(status.value for status in SessionStatus)
BACKENDS = tuple(backend.value for backend in SessionBackend)
OPERATIONS = ("chat", "text_completion", "embeddings", "execute_tool")

REQUESTS = "request IS NOT NULL AND attempts IS NOT 0"
"""The condition for a stored message to be the reply to a request, one row of `TURNS`; a copy of one is none."""
_ATTEMPTS = Read("attempts", Kind.WHOLE)
# A provider need not say which model answered, and an error has none; then it is the one that was asked for.
MODEL = "ifnull(model, request_model)"
_IS_ACTIVE = stored("is_active", Dtype.BOOLEAN, "active")
_VERSION = stored("version", Dtype.INT32)
_STATUS = stored("status", Dtype.CATEGORY, categories=STATUSES)
_ORIGIN = (
    stored("source", Dtype.CATEGORY, categories=SOURCES),
    stored("cell_id", Dtype.TEXT),
)
_NAME = "ifnull(title, substr(session_id, 1, 8))"
"""SQL for what people and commands call a session."""
_OF = (of_session("session", _NAME), of_session("session_id"))
_WHERE = (
    _IS_ACTIVE,
    stored("is_hidden", Dtype.BOOLEAN, "hidden"),
    stored("is_aside", Dtype.BOOLEAN, "CASE WHEN active THEN 0 ELSE beside IS NOT NULL END"),
    of_session("home"),
    of_session("user_id"),
)
_TURN = stored("turn", Dtype.INT32)
_CONTENT = Read("content", Kind.TEXT)
MESSAGE_ID = Read("key", Kind.ID)
_PARENT = Read("parent", Kind.WHOLE)
_ROLE = Read("role", Kind.FEW)
# Only the parts that a column is made of leave the database: none of the reasoning and images.
_TOOLS = Read(
    "CASE WHEN parts IS NOT NULL AND role IN ('assistant', 'tool') THEN tools(parts) END", Kind.TEXT
)


def _count_of(name: str) -> str:
    """Return SQL for a count of parts; most messages have none, and nothing is read of those."""
    return f"CASE WHEN parts IS NULL THEN 0 ELSE ifnull({name}, 0) END"


# In each frame first what a person reads, then what was measured, then where it stands, and ids and JSON at the end.
MESSAGES: tuple[Column, ...] = (
    *_OF,
    _TURN,
    _VERSION,
    Column("role", Dtype.CATEGORY, lambda rows: rows[_ROLE], (_ROLE,), categories=ROLES),
    Column("content", Dtype.TEXT, lambda rows: rows[_CONTENT], (_CONTENT,)),
    stored("created_at", Dtype.TIME, "ts_us"),
    stored("provider", Dtype.CATEGORY),
    stored("model", Dtype.CATEGORY, MODEL),
    _STATUS,
    stored("finish_reason", Dtype.CATEGORY, categories=FINISH_REASONS),
    Column("content_chars", Dtype.INT64, lambda rows: rows.chars(_CONTENT), (_CONTENT,)),
    stored("tool_result", Dtype.TEXT, RESULTS),
    Column("tool_name", Dtype.TEXT, lambda rows: rows.tools(_TOOLS, "name"), (_TOOLS,)),
    Column("n_tool_calls", Dtype.INT16, lambda rows: rows.tool_calls(_TOOLS, _ROLE), (_TOOLS, _ROLE)),
    *_WHERE,
    *_ORIGIN,
    Column("seq", Dtype.INT32, lambda rows: rows.seq),
    Column("message_id", Dtype.TEXT, lambda rows: rows[MESSAGE_ID], (MESSAGE_ID,)),
    Column(
        "parent_id",
        Dtype.TEXT,
        lambda rows: rows.of_parent(_PARENT, MESSAGE_ID),
        (_PARENT, MESSAGE_ID),
    ),
    Column(
        "request_id",
        Dtype.TEXT,
        lambda rows: rows.where(_ATTEMPTS, MESSAGE_ID),
        (_ATTEMPTS, MESSAGE_ID),
    ),
    Column("tool_call_id", Dtype.TEXT, lambda rows: rows.tools(_TOOLS, "id"), (_TOOLS,)),
    stored("metadata_json", Dtype.TEXT, "metadata"),
    stored("n_attachments", Dtype.INT16, _count_of("n_attachments")),
    stored("n_citations", Dtype.INT16, _count_of("n_citations")),
)

PARTS = Read("parts", Kind.TEXT)
HAS_ATTACHMENTS = "n_attachments IS NOT NULL"


def _told_of(name: str, dtype: Dtype, key: str | None = None, categories: tuple[str, ...] = ()) -> Column:
    """Return a column of what the part of an attachment says."""
    kind, of = _KINDS.get(dtype, Kind.WHOLE), key or name
    return Column(name, dtype, lambda rows: rows.told(of, kind), (PARTS,), categories=categories)


ATTACHMENTS: tuple[Column, ...] = (
    *_OF,
    _TURN,
    _VERSION,
    Column("role", Dtype.CATEGORY, lambda rows: rows[_ROLE], (_ROLE,), categories=ROLES),
    _told_of("kind", Dtype.CATEGORY, "type", ATTACHED),
    _told_of("name", Dtype.TEXT),
    _told_of("media_type", Dtype.CATEGORY),
    _told_of("size", Dtype.INT64),
    _told_of("width", Dtype.INT32),
    _told_of("height", Dtype.INT32),
    _told_of("pages", Dtype.INT32),
    _told_of("detail", Dtype.CATEGORY, categories=("low", "high")),
    stored("created_at", Dtype.TIME, "ts_us"),
    *_WHERE,
    *_ORIGIN,
    Column("seq", Dtype.INT32, lambda rows: rows.seq),
    Column("message_id", Dtype.TEXT, lambda rows: rows[MESSAGE_ID], (MESSAGE_ID,)),
    _told_of("hash", Dtype.TEXT, "blob"),
    _told_of("url", Dtype.TEXT),
    _told_of("note", Dtype.TEXT),
)

_REQUEST = {
    name: Read(sql or name, kind)
    for name, sql, kind in (
        ("provider", None, Kind.FEW),
        ("model", None, Kind.FEW),
        ("request_model", None, Kind.FEW),
        ("service_tier", _told("service_tier"), Kind.FEW),
        ("processing", _told("processing"), Kind.FEW),
        ("at_us", "ifnull(started_us, ts_us)", Kind.WHOLE),
        ("input_tokens", None, Kind.WHOLE),
        ("cache_read", "cached_input_tokens", Kind.WHOLE),
        ("cache_write", "cache_write_tokens", Kind.WHOLE),
        ("output_tokens", None, Kind.WHOLE),
        ("told_usd", "cost_usd", Kind.REAL),
        ("told_source", "cost_source", Kind.FEW),
    )
}
"""What the cost of a request depends on."""
_DURATION = Read("duration_s", Kind.REAL)
_FIRST = Read("time_to_first_chunk_s", Kind.REAL)
_OUTPUT = _REQUEST["output_tokens"]
_STREAMED = Read("streamed", Kind.WHOLE)

TURNS: tuple[Column, ...] = (
    *_OF,
    _TURN,
    _VERSION,
    stored("provider", Dtype.CATEGORY),
    stored("model", Dtype.CATEGORY, MODEL),
    _STATUS,
    stored("started_at", Dtype.TIME, "started_us"),
    stored("duration_s", Dtype.FLOAT),
    stored("time_to_first_chunk_s", Dtype.FLOAT),
    stored("input_tokens", Dtype.INT64),
    stored("output_tokens", Dtype.INT64),
    Column("cost_usd", Dtype.FLOAT, lambda rows: rows.costs(_REQUEST)[0], tuple(_REQUEST.values())),
    Column(
        "cost_source",
        Dtype.CATEGORY,
        lambda rows: rows.costs(_REQUEST)[1],
        tuple(_REQUEST.values()),
        categories=("provider", "table", "override"),
    ),
    stored("finish_reason", Dtype.CATEGORY, categories=FINISH_REASONS),
    stored("error_type", Dtype.TEXT),
    stored("error_message", Dtype.TEXT),
    Column(
        "time_per_output_token_s",
        Dtype.FLOAT,
        lambda rows: rows.per_output_token(_DURATION, _FIRST, _OUTPUT, _STREAMED),
        (_DURATION, _FIRST, _OUTPUT, _STREAMED),
    ),
    Column(
        "output_tokens_per_s",
        Dtype.FLOAT,
        lambda rows: rows.per_second(_OUTPUT, _DURATION),
        (_OUTPUT, _DURATION),
    ),
    stored("queued_s", Dtype.FLOAT),
    stored("attempts", Dtype.INT16),
    stored("streamed", Dtype.BOOLEAN),
    stored("cache_read_input_tokens", Dtype.INT64, "cached_input_tokens"),
    stored("cache_creation_input_tokens", Dtype.INT64, "cache_write_tokens"),
    stored("reasoning_output_tokens", Dtype.INT64, "reasoning_tokens"),
    stored("tokens_source", Dtype.CATEGORY, categories=("provider", "estimate")),
    Column("operation", Dtype.CATEGORY, lambda rows: rows.constant("chat"), categories=OPERATIONS),
    stored("request_model", Dtype.CATEGORY),
    *_WHERE,
    *_ORIGIN,
    stored("compare_id", Dtype.TEXT),
    Column("request_id", Dtype.TEXT, lambda rows: rows[MESSAGE_ID], (MESSAGE_ID,)),
    stored("params_json", Dtype.TEXT, "params"),
    stored("route", Dtype.CATEGORY, _detail("route"), categories=get_args(Route)),
    stored("schema_hash", Dtype.TEXT),
    stored("data_json", Dtype.TEXT),
)

ANSWERS: tuple[Column, ...] = (
    of_session("session", _NAME),
    _TURN,
    _VERSION,
    stored("model", Dtype.CATEGORY, MODEL),
    stored("created_at", Dtype.TIME, "ts_us"),
    of_session("session_id"),
    Column("message_id", Dtype.TEXT, lambda rows: rows[MESSAGE_ID], (MESSAGE_ID,)),
)
"""Where an answer is: behind the columns of its schema."""

_ABOUT = (
    "nullif(title_beside(title, home, ifnull((SELECT substr(content, 1, 600) FROM messages"
    " WHERE id >= sessions.id << 32 AND id < (sessions.id + 1) << 32 AND role = 'user' ORDER BY id LIMIT 1), '')), '')"
)
"""What a session is about, where its label does not say it."""
SESSIONS: tuple[Column, ...] = (
    stored("session", Dtype.TEXT, _NAME),
    stored("session_id", Dtype.TEXT),
    stored("home", Dtype.TEXT),
    stored("about", Dtype.TEXT, _ABOUT),
    _last_used("provider"),
    _last_used("model"),
    _total("n_turns", Dtype.INT64),
    _total("n_messages", Dtype.INT64),
    _total("n_errors", Dtype.INT64),
    _total("last_message_at", Dtype.TIME),
    _total("input_tokens", Dtype.INT64),
    _total("output_tokens", Dtype.INT64),
    _total("cost_usd", Dtype.FLOAT),
    _total("n_unpriced", Dtype.INT64),
    _total("busy_s", Dtype.FLOAT),
    _total("span_s", Dtype.FLOAT),
    stored("status", Dtype.CATEGORY, categories=SESSION_STATUSES),
    stored("created_at", Dtype.TIME, "created_us"),
    stored("updated_at", Dtype.TIME, "updated_us"),
    stored("title", Dtype.TEXT),
    stored("backend", Dtype.CATEGORY, categories=BACKENDS),
    stored("user_id", Dtype.TEXT),
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
