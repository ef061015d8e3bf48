"""How a reply is shown: in the cell of a kernel, in a terminal, and when its bytes are spent."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

import pytest

from langswarm_nb.notebook.showing.display import (
    ReplyDisplay,
    open_reply_displays,
    reply_bundle,
    ticking,
)
from langswarm_nb.notebook.showing.pacing import Pacer
from langswarm_nb.render.growing import GrowingReply
from tests.support.html import assert_safe, text_of
from tests.support.kernels import Kernel, running_kernel
from tests.support.waits import PATIENCE_S

SETUP = """
from langswarm_nb.notebook.showing.display import open_reply_displays

class Clock:
    now = 0.0
    def __call__(self):
        return self.now

clock = Clock()

def displays(*titles, stream=True):
    return open_reply_displays(titles, format="markdown", stream=stream, clock=clock)

def show(display, *deltas, **end):
    for delta in deltas:
        clock.now += 0.1
        display.update(delta)
    display.finish(**end)
"""

ARRIVING = "▍\narriving …"
"""Marks what is not whole, also in a page that was reloaded while it came."""


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as kernel:
        kernel.run(SETUP)
        yield kernel


def shown(cell) -> list[str]:
    """Return what a reader sees after each message of a cell."""
    contents = [message["content"] for message in cell.messages if "data" in message["content"]]
    return [text_of(content["data"]["text/html"].partition("</style>")[2]) for content in contents]


@pytest.mark.kernel
class TestCell:
    def test_a_reply_grows_in_one_output(self, kernel: Kernel):
        """Each update replaces the one before; the saved output has the HTML, the raw text and where it came from."""
        cell = kernel.run(
            "show(*displays(''), 'Hello', ' *wor', 'ld*!', footer='mock:echo', "
            "provenance={'model': 'mock:echo'})"
        )
        (output,) = cell.outputs
        assert output["data"]["text/plain"] == "Hello *world*!"
        assert "<p>Hello <em>world</em>!</p>" in output["data"]["text/html"]
        assert output["metadata"] == {"langswarm": {"model": "mock:echo"}}
        assert shown(cell) == [
            f"Hello{ARRIVING}",
            f"Hello wor{ARRIVING}",
            f"Hello world!{ARRIVING}",
            "Hello world!\nmock:echo",
        ]

    @pytest.mark.parametrize("how", ["argument", "capture"])
    def test_static_mode_displays_once(self, kernel: Kernel, how: str):
        """Tools that compare outputs, and %%capture, get one display at the end."""
        if how == "argument":
            cell = kernel.run("show(*displays('', stream=False), 'Hello', ' world')")
        else:
            kernel.run("%%capture seen\nshow(*displays(''), 'Hello', ' world')")
            cell = kernel.run("assert len(seen.outputs) == 1; seen.outputs[0]")
        assert len(shown(cell)) == 1
        assert cell.outputs[0]["data"]["text/plain"] == "Hello world"

    def test_what_is_waited_for_is_said_until_text_comes(self, kernel: Kernel):
        """A status is shown at once and gone with the next delta."""
        cell = kernel.run(
            "[display] = displays('')\n"
            "display.status('rate limit; attempt 2 in 3 s')\n"
            "show(display, 'Hello', footer='done')"
        )
        assert shown(cell) == ["▍rate limit; attempt 2 in 3 s", f"Hello{ARRIVING}", "Hello\ndone"]

    def test_a_tick_shows_what_was_held_back(self, kernel: Kernel):
        """When the model pauses, the last words before it are shown."""
        cell = kernel.run(
            "[display] = displays('')\n"
            "clock.now += 1; display.update('Hello'); display.update(' world')\n"
            "clock.now += 1; display.tick(); display.tick()\n"
        )
        assert shown(cell) == [f"Hello{ARRIVING}", f"Hello world{ARRIVING}"]

    def test_a_discarded_reply_leaves_nothing(self, kernel: Kernel):
        """When the error says it all there is no output; what was shown already is taken back."""
        assert kernel.run("displays('')[0].discard()").outputs == []
        cell = kernel.run(
            "[display] = displays(''); clock.now += 1\ndisplay.status('waiting'); display.discard()"
        )
        assert shown(cell)[-1] == ""

    def test_another_text_or_format_at_the_end_replaces_what_streamed(self, kernel: Kernel):
        """Middleware may change the reply, and an extracted block is shown as code."""
        cell = kernel.run("show(*displays(''), 'a', text='*b*', format='code')")
        assert cell.outputs[0]["data"]["text/plain"] == "*b*"
        assert "<code>*b*</code>" in cell.outputs[0]["data"]["text/html"]

    def test_several_replies_share_one_output(self, kernel: Kernel):
        """They stream side by side with their titles; the plain text has one after the other."""
        cell = kernel.run(
            "first, second = displays('model a', 'model b')\n"
            "clock.now += 1; first.update('one'); clock.now += 1; second.update('two')\n"
            "first.finish(footer='fast', provenance={'n': 1}); clock.now += 1\n"
            "show(second, ' more', footer='slow', provenance={'n': 2})"
        )
        (output,) = cell.outputs
        assert output["data"]["text/plain"] == "model a:\none\n\nmodel b:\ntwo more"
        assert output["metadata"] == {"langswarm": [{"n": 1}, {"n": 2}]}
        assert output["data"]["text/html"].count('<p class="lsnb-head"><strong>model') == 2
        assert "fast" in output["data"]["text/html"]

    def test_control_characters_reach_no_terminal(self, kernel: Kernel):
        """The plain text of a display is printed by consoles: it holds no escape sequence and can be encoded."""
        cell = kernel.run("show(*displays(''), '\\x1b[2J', '\\ud800')")
        assert cell.outputs[0]["data"]["text/plain"] == "\\x1b[2J\\ud800"


async def test_ticking_goes_on_while_nothing_arrives():
    """A pause of the model neither hides text nor puts the event loop to sleep; afterwards nothing runs."""
    ticked = asyncio.Event()

    class Display:
        def tick(self) -> None:
            ticked.set()

    with ticking(Display(), every_s=0.001):  # type: ignore[arg-type]
        await ticked.wait()
        ticked.clear()
        await ticked.wait()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def in_terminal(*titles: str, stream: bool = True) -> list[ReplyDisplay]:
    return open_reply_displays(titles, format="markdown", stream=stream)


async def test_a_display_that_cannot_tick_fails_no_cell(caplog: pytest.LogCaptureFixture):
    """Its error is in the log, and the reply goes on."""
    ticked = asyncio.Event()

    class Display:
        def tick(self) -> None:
            ticked.set()
            raise OSError("no front end")

    with ticking(Display(), every_s=0.001):  # type: ignore[arg-type]
        await ticked.wait()
        await asyncio.sleep(0)
    gc.collect()
    assert "no front end" in caplog.text
    assert "never retrieved" not in caplog.text


class TestTerminal:
    def test_deltas_are_printed_as_they_come(self, capsys: pytest.CaptureFixture[str]):
        """In a terminal the text itself is shown, then the footer."""
        [display] = in_terminal("")
        display.update("Hello")
        assert capsys.readouterr().out == "Hello"
        display.update(" world")
        display.finish(footer="mock:echo · 1 s")
        assert capsys.readouterr().out == " world\nmock:echo · 1 s\n"

    def test_an_escape_sequence_in_two_deltas_is_visible(self, capsys: pytest.CaptureFixture[str]):
        """A model can neither clear the screen nor write over what is there."""
        [display] = in_terminal("")
        for delta in ["a\x1b", "[2Jb\r", "c\r", "\nd\u202e"]:
            display.update(delta)
        display.finish()
        assert capsys.readouterr().out == "a\\x1b[2Jb\\x0dc\nd\\u202e\n"

    def test_static_mode_prints_once(self, capsys: pytest.CaptureFixture[str]):
        """When nothing is to stream, nothing is printed before the end."""
        [display] = in_terminal("", stream=False)
        display.update("Hello")
        assert capsys.readouterr().out == ""
        display.finish()
        assert capsys.readouterr().out == "Hello\n"

    def test_several_replies_are_printed_one_after_the_other(self, capsys: pytest.CaptureFixture[str]):
        """Interleaved they could not be read."""
        first, second = in_terminal("a", "b")
        first.update("1")
        second.update("2")
        first.update("1")
        second.finish()
        first.finish()
        assert capsys.readouterr().out == "b:\n2\na:\n11\n"

    def test_what_streamed_and_what_is_kept_may_differ(self, capsys: pytest.CaptureFixture[str]):
        """A text changed by middleware is printed as well."""
        [display] = in_terminal("")
        display.update("secret")
        display.finish("[hidden]")
        assert capsys.readouterr().out == "secret\n[hidden]\n"

    def test_a_terminal_without_unicode_still_shows_the_reply(self):
        """Characters its encoding lacks are codes, not an error."""
        code = (
            "from langswarm_nb.notebook.showing.display import open_reply_displays\n"
            "[d] = open_reply_displays([''], format='markdown', stream=True)\n"
            "d.update('na\\u00efve \\u4f60 x'); d.finish()"
        )
        done = subprocess.run(
            [sys.executable, "-X", "utf8=0", "-c", code],
            env={"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        assert done.stdout == "na\\xefve \\u4f60 x\n"

    def test_showing_text_in_a_terminal_loads_no_renderer(self):
        """Scripts pay for no Markdown parser."""
        code = (
            "import sys; from langswarm_nb.notebook.showing.display import open_reply_displays\n"
            "[d] = open_reply_displays([''], format='markdown', stream=True); d.update('x'); d.finish()\n"
            "print({'markdown_it', 'nh3', 'IPython', 'ipywidgets'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        assert done.stdout == "x\nset()\n"


class TestPage:
    def test_a_bundle_has_html_and_text(self):
        """What a reply looks like when it is shown again."""
        bundle = reply_bundle("*a*", footer="b < c", details=[("filled in", "x = <1>\ny")])
        assert bundle["text/plain"] == "*a*"
        body = bundle["text/html"].partition("</style>")[2].removesuffix("</div>")
        assert_safe(body)
        assert text_of(body) == "a\nb < cfilled inx = <1>\ny"

    @pytest.mark.parametrize(
        "hostile", ["</style></div><script>x</script>", "$\\href{javascript:x}{y}$", "\x1b\u202e"]
    )
    def test_titles_footers_and_details_are_text(self, hostile: str):
        """Model names and values come from elsewhere: they are escaped like the reply."""
        bundle = reply_bundle(hostile, footer=hostile, details=[(hostile, hostile)])
        head, style, body = bundle["text/html"].partition("</style>")
        assert head.startswith('<div class="lsnb-reply"')
        assert style
        assert_safe(body.removesuffix("</div>"))


class TestGrowing:
    def test_a_long_reply_shows_its_beginning_and_its_end(self):
        """What is being read and what is being written, and how much is between."""
        reply = GrowingReply("markdown")
        for number in range(2_000):
            reply.feed(f"paragraph *{number}*\n\n")
        text = text_of(reply.html())
        assert text.startswith("paragraph 0\n")
        assert text.rstrip().endswith("paragraph 1999")
        assert len(reply.html()) < 4_000
        assert "characters, shown when the reply is complete …" in text

    @pytest.mark.unmeasured
    @pytest.mark.parametrize("unit", ["word ", "line\n", "para *graph*\n\n", "- item\n", "```\ncode\n"])
    @pytest.mark.parametrize("format", ["markdown", "text", "code", "json", "html"])
    def test_an_update_stays_small_and_safe_at_any_length(self, unit: str, format: str):
        """Updates of a long reply do not grow with it."""
        reply = GrowingReply(format)  # type: ignore[arg-type]
        for _ in range(60):
            reply.feed(unit * (3_000 // len(unit)))
            assert_safe(reply.html())
            assert len(reply.html()) < 9_000
        assert len(reply.html()) < 4_000


class TestPacer:
    def test_there_are_at_most_20_updates_a_second(self):
        """However fast text comes."""
        now = 0.0
        pacer = Pacer(lambda: now)
        updates = 0
        for step in range(1_000):
            now = step / 1_000
            if pacer.may_update(text_bytes=step * 50, html_ratio=1.2):
                pacer.record(text_bytes=step * 50, html_bytes=500)
                updates += 1
        assert 15 <= updates <= 20

    def test_nothing_new_is_no_update(self):
        """A tick without text sends nothing."""
        now = 0.0
        pacer = Pacer(lambda: now)
        pacer.record(text_bytes=10, html_bytes=10)
        now = 5.0
        assert not pacer.may_update(text_bytes=10, html_ratio=1.2)
        assert pacer.may_update(text_bytes=10, html_ratio=1.2, is_urgent=True)

    def test_news_do_not_break_the_limit(self):
        """A thousand status lines cost no more than the bucket holds."""
        now, spent = 0.0, 0
        pacer = Pacer(lambda: now)
        for _ in range(1_000):
            now += 1
            if pacer.may_update(text_bytes=0, html_ratio=1.2, is_urgent=True):
                pacer.record(text_bytes=0, html_bytes=600)
                spent += 1_400
        assert spent < 260_000
