"""Building blocks of providers, for packages that add their own; `docs/providers.md` shows how.

A provider made of these keeps the promises of the built-in ones: retries where they are safe, limits on time and
size, hidden keys, errors from one tree, and no reply without its end mark passed off as whole.
"""

from __future__ import annotations

from ._dialect.history import system_text
from ._dialect.http_session import new_client
from ._dialect.reply_reader import HoldingReader, ReplyReader
from ._dialect.reply_stream import stream_reply
from ._dialect.sse import JSONLinesDecoder, SSEDecoder
from ._dialect.wire import check_options, finish_reason, image_url, token_count
from ._http.address import find_base_url, segment
from ._http.client import HttpClient
from ._http.fault_bodies import read_fault
from ._http.faults import Fault, ReportedError

__all__ = [
    "Fault",
    "HoldingReader",
    "HttpClient",
    "JSONLinesDecoder",
    "ReplyReader",
    "ReportedError",
    "SSEDecoder",
    "check_options",
    "find_base_url",
    "finish_reason",
    "image_url",
    "new_client",
    "read_fault",
    "segment",
    "stream_reply",
    "system_text",
    "token_count",
]
