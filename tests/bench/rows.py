"""All rows, in the order of the table."""

from __future__ import annotations

from tests.bench import requests, sending, storage, stream

ROWS = [*sending.ROWS, *storage.ROWS, *stream.ROWS, *requests.ROWS]
