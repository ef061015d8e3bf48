"""Colours of code: a long block, and text made up to slow its reader, in every language."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.bench.measuring import Spent
from tests.bench.row import Measure, Row, Side
from tests.support.paths import REPOSITORY

CHARS, DELTA_CHARS = 100_000, 24
SHORT, LONG = 15_000, 30_000
PIECES = (
    *"\"'`\\/*#-<>!&={}()[]@$:._~^%?|;, \n\t01aé",
    *(
        "/*",
        '"""',
        "'''",
        '"\\',
        "${",
        "<a ",
        "<!--",
        "a.",
        "a\n",
        "a b ",
        "é a",
        ": ",
        "--[[",
        "\\\n",
        "<<EOF\n",
    ),
)


def _ms(call: Callable[[], object]) -> float:
    spent = Spent(time.thread_time)
    call()
    return spent.ms()


def _block() -> str:
    files = sorted((REPOSITORY / "langswarm_nb").rglob("*.py"))
    code = "".join(file.read_text("utf-8") for file in files)[:CHARS].replace("```", "'''")
    return f"```python\n{code}\n```\n"


@contextmanager
def _plain() -> Iterator[Measure]:
    from langswarm_nb.render import render_html

    text = _block().replace("```python", "```")
    yield lambda: _ms(lambda: render_html(text))


@contextmanager
def _worst_step() -> Iterator[Measure]:
    from langswarm_nb.render.growing import GrowingReply
    from langswarm_nb.render.page import ReplyPart, page_html

    text = _block()

    def steps() -> Iterator[float]:
        reply = GrowingReply("markdown")
        for start in range(0, len(text), DELTA_CHARS):
            yield _ms(partial(reply.feed, text[start : start + DELTA_CHARS]))
            if not start % (40 * DELTA_CHARS):
                yield _ms(lambda: page_html([ReplyPart(reply.html(), is_live=True)]))
        yield _ms(lambda: page_html([ReplyPart(reply.finish())]))

    yield lambda: max(steps())


def _slowest(chars: int) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        from langswarm_nb.render.colours import coloured_html
        from langswarm_nb.render.languages import LANGUAGES

        def cost(language: str, piece: str) -> float:
            return _ms(partial(coloured_html, '"' + piece * (chars // len(piece)) + "\\", language))

        yield lambda: max(itertools.starmap(cost, itertools.product(LANGUAGES, PIECES)))

    return side


ROWS = [
    Row(
        "the longest step of showing 100 kB of code while it arrives, beside showing it plain",
        "ms",
        6,
        _plain,
        _worst_step,
        pairs=3,
    ),
    Row(
        "the slowest 30,000 characters in any language, beside 15,000",
        "ms",
        3,
        _slowest(SHORT),
        _slowest(LONG),
        pairs=1,
        quick=False,
    ),
]
