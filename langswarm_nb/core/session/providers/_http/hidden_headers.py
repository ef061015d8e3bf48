"""`unlogged`: keeps the headers of our requests, keys among them, out of httpcore's log, whoever brings it along."""

from __future__ import annotations

import contextvars
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_is_sending: contextvars.ContextVar[bool] = contextvars.ContextVar("_is_sending", default=False)


@contextmanager
def unlogged() -> Iterator[None]:
    """Drop the lines that httpcore would log while the block runs; those of other tasks stay."""
    token = _is_sending.set(True)
    try:
        yield
    finally:
        _is_sending.reset(token)


class _HideHeaders(logging.Filter):
    """Drops the lines in which httpcore would log the headers of our answers; those of others stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_sending.get()


for _name in ("connection", "http11", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_HideHeaders())
