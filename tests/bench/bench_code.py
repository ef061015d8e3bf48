"""What colours of code cost: a block of 100 kB, and text made up to slow its reader, in every language."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial

import pytest

from langswarm_nb.render import render_html
from langswarm_nb.render.colours import coloured_html
from langswarm_nb.render.growing import GrowingReply
from langswarm_nb.render.languages import LANGUAGES
from langswarm_nb.render.page import ReplyPart, page_html
from tests.support.paths import REPOSITORY

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

CHARS, DELTA_CHARS = 100_000, 24
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


def ms_of(call: Callable[[], object]) -> float:
    """Return the CPU time of a call, in milliseconds."""
    start = time.thread_time()
    call()
    return 1000 * (time.thread_time() - start)


def test_a_block_of_100_kilobytes(capsys: pytest.CaptureFixture[str]) -> None:
    """No step of showing it, while it arrives and after, takes six times as long as showing it plain."""
    files = sorted((REPOSITORY / "langswarm_nb").rglob("*.py"))
    code = "".join(file.read_text("utf-8") for file in files)[:CHARS].replace("```", "'''")
    text, reply = f"```python\n{code}\n```\n", GrowingReply("markdown")
    worst = {"feed": 0.0, "update": 0.0}
    for start in range(0, len(text), DELTA_CHARS):
        worst["feed"] = max(worst["feed"], ms_of(partial(reply.feed, text[start : start + DELTA_CHARS])))
        if not start % (40 * DELTA_CHARS):
            update = ms_of(lambda: page_html([ReplyPart(reply.html(), is_live=True)]))
            worst["update"] = max(worst["update"], update)
    worst["finish"] = ms_of(lambda: page_html([ReplyPart(reply.finish())]))
    worst["at once"] = ms_of(lambda: render_html(text))
    plain = ms_of(lambda: render_html(text.replace("```python", "```")))
    with capsys.disabled():
        print(
            f"\n100 kB of Python, ms: plain {plain:.1f}", *(f"{name} {ms:.1f}" for name, ms in worst.items())
        )
    assert max(worst.values()) < 6 * plain


def test_no_text_is_slow_in_any_language(capsys: pytest.CaptureFixture[str]) -> None:
    """Twice the text takes about twice the time, whatever is repeated in it."""
    slow: list[tuple[float, str, str]] = []
    for language, piece in itertools.product(LANGUAGES, PIECES):
        half, whole = ('"' + piece * (size // len(piece)) + "\\" for size in (15_000, 30_000))
        times = [
            min(ms_of(partial(coloured_html, text, language)) for _ in range(2)) for text in (half, whole)
        ]
        slow.append((times[1], language, piece))
        assert times[1] < 3 * times[0] + 5, (language, piece, times)
    with capsys.disabled():
        print(
            "\n30 kB at worst, ms:",
            *(f"{ms:.1f} {language} {piece!r}" for ms, language, piece in sorted(slow)[-3:]),
        )
