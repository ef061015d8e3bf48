"""All rows, in the order of the table."""

from __future__ import annotations

from tests.bench import (
    answers,
    cell,
    colours,
    frames,
    imports,
    panel,
    requests,
    search,
    sending,
    sessions,
    storage,
    stream,
)

ROWS = [
    *sending.ROWS,
    *cell.ROWS,
    *sessions.ROWS,
    *storage.ROWS,
    *stream.ROWS,
    *answers.ROWS,
    *requests.ROWS,
    *panel.ROWS,
    *search.ROWS,
    *imports.ROWS,
    *frames.ROWS,
    *colours.ROWS,
]
