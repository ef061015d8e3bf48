"""`%%langswarm` in a real kernel: answers, versions, interrupts, restarts, queues, errors."""

from __future__ import annotations

import re

import pytest

from tests.support.counting import counting
from tests.support.kernels import Kernel

pytestmark = pytest.mark.kernel

LOAD = "%load_ext langswarm_nb"


@pytest.fixture
def loaded(kernel: Kernel) -> Kernel:
    """Return a kernel with the extension."""
    kernel.run(LOAD)
    return kernel


def test_loading_prints_one_line(kernel):
    """The line tells version, session, model, store and where to go on; loading again prints nothing."""
    line = kernel.run(LOAD).stdout
    assert line.count("\n") == 1
    assert re.search(r"session \d{4}-\d\d-\d\d \d\d:\d\d \(new\)", line)
    for word in (
        "langswarm_nb 0.1.0",
        "mock:echo",
        "sessions.db",
        "%langswarm help",
    ):
        assert word in line
    assert kernel.run(LOAD).stdout.count("langswarm_nb 0") == 0
    assert kernel.run("%reload_ext langswarm_nb").stdout.count("langswarm_nb 0") == 1


def test_a_cell_is_answered(loaded):
    """The cell shows the answer, and its value is a Reply that `_` holds."""
    cell = loaded.run("%%langswarm\nWhat is 2 + 2?")
    assert "You said: What is 2 + 2?" in str(cell.outputs)
    answer = loaded.run("print(_.text, _.usage.output_tokens > 0, _.status, _.finish_reason, _.turn)").stdout
    assert answer.endswith("You said: What is 2 + 2? True ok stop 0\n")


def test_a_named_reply_is_not_shown(loaded):
    """`NAME <<` puts the reply into a variable and shows nothing."""
    assert loaded.run("%%langswarm answer <<\nHello").outputs == []
    assert loaded.run("print(answer)").stdout.endswith("You said: Hello\n")


def test_a_cell_that_runs_again_makes_a_version(loaded):
    """The same cell id is the same turn: both versions are kept, and the newer one is on the active path."""
    for text in ("One", "Uno"):
        loaded.run(f"%%langswarm\n{text}", cell_id="cell-a")
    loaded.run("%%langswarm\nTwo", cell_id="cell-b")
    loaded.run(
        "import langswarm_nb as ls; path = ls.messages_df(); everything = ls.messages_df(branch='all')"
    )
    assert loaded.run("print(*path.content[path.role == 'user'])").stdout == "Uno Two\n"
    assert loaded.run("print(*everything.content[everything.role == 'user'])").stdout == "One Uno Two\n"


@pytest.mark.parametrize(
    "flag, path",
    [("--append", "One One"), ("--replace", "One"), ("", "One")],
    ids=["append", "replace", "version"],
)
def test_what_running_again_does_can_be_chosen(loaded, flag, path):
    """`--append` adds a turn, `--replace` hides the old version, and a version takes its place by default."""
    for _ in range(2):
        loaded.run(f"%%langswarm {flag}\nOne", cell_id="cell-a")
    loaded.run("import langswarm_nb as ls; path = ls.messages_df()")
    assert loaded.run("print(*path.content[path.role == 'user'])").stdout == f"{path}\n"


def test_a_version_that_was_replaced_stays_hidden_until_that_is_taken_back(loaded):
    """`--replace` hides the old version; going back to it says so, and `hide --undo` sends it again, whole."""
    for text in ("One", "Uno"):
        loaded.run(f"%%langswarm --replace\n{text}", cell_id="cell-a")
    assert "`%langswarm hide 0 --undo` sends it again" in str(loaded.run("%langswarm use 0.1").result)
    preview = loaded.run("%%langswarm --dry-run\nTwo", cell_id="cell-b").result
    assert preview.startswith("user:\nTwo\n")
    loaded.run("%langswarm hide 0 --undo")
    preview = loaded.run("%%langswarm --dry-run\nTwo", cell_id="cell-b").result
    assert preview.startswith("user:\nOne\n")


def test_a_cell_that_asks_in_a_loop_adds_turns(loaded):
    """Only the first question of a run can be a version of an earlier run's; the others follow it."""
    loop = "for text in 'AB':\n    get_ipython().run_cell_magic('langswarm', '', text)"
    for _ in range(2):
        loaded.run(loop, cell_id="cell-a")
    loaded.run("import langswarm_nb as ls; path = ls.messages_df()")
    assert loaded.run("print(*path.content[path.role == 'user'])").stdout == "A B\n"


def test_an_interrupt_reaches_a_cell_that_awaits_in_silence(loaded):
    """A cell that awaits ends at the first interrupt, also when nothing else would wake the kernel's loop."""
    cell = loaded.send(
        "import asyncio, threading\nthreading.Timer(1, print, ['waiting']).start()\n"  # by now the loop is at rest
        "await asyncio.get_running_loop().create_future()"
    )
    loaded.wait_for(cell, lambda: "waiting" in cell.stdout)
    loaded.interrupt()
    loaded.wait(cell)
    assert cell.status == "error"
    assert [output["output_type"] for output in cell.outputs] == ["stream", "error"]
    assert "callback" not in cell.stderr
    assert loaded.run("6 * 7").result == "42"


def test_an_interrupt_keeps_the_part_and_ends_the_cell(loaded):
    """■ in mid-stream: a short KeyboardInterrupt, the part is stored and marked, and the next cell works."""
    loaded.run(counting("[numbers, 'Yes.']"))
    cell = loaded.send("%%langswarm\nCount")
    loaded.wait_for(cell, lambda: len(cell.messages) > 3)
    loaded.interrupt()
    loaded.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    assert len(cell.reply["traceback"]) == 1
    loaded.run("import langswarm_nb as ls; last = ls.messages_df().iloc[-1]")
    seen = loaded.run("print(last.role, last.finish_reason, last.content[:2] == '1 ')").stdout
    assert seen == "assistant interrupted True\n"
    assert loaded.run("%%langswarm\nStill there?").status == "ok"


def test_an_interrupt_keeps_the_table_that_grew(loaded):
    """■ while the rows of an answer arrive: the cell goes on to show them, and its text is what came."""
    rows = """(piece for piece in itertools.chain(['{"items": ['], itertools.repeat('{"name": "Ann", "age": 3}, ')))"""
    loaded.run(counting(f"[lambda request: {rows}]"))
    cell = loaded.send('%%langswarm --schema "[name, age int]"\nWho?')
    loaded.wait_for(cell, lambda: "lsnb-value" in str(cell.outputs))
    loaded.interrupt()
    loaded.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    data = cell.outputs[0]["data"]
    assert '<table class="lsnb-rows lsnb-value">' in data["text/html"]
    assert data["text/plain"].startswith('{"items": [{"name"')


def test_a_restarted_kernel_goes_on(new_kernel):
    """The history is on disk, and the greeting of a kernel without a notebook says how to go on with it."""
    new_kernel.run(LOAD)
    new_kernel.run("%%langswarm\nRemember me")
    new_kernel.restart()
    way = re.search(r"`(%langswarm switch .*?)`", new_kernel.run(LOAD).stdout)
    assert way is not None
    new_kernel.run(way[1])
    assert "Remember me" in new_kernel.run("%langswarm show").result


def test_queued_cells_all_run_in_order(loaded):
    """Run All loses no cell, and the turns are in the order of the cells."""
    cells = [loaded.send(f"%%langswarm\nq{n}") for n in range(3)]
    loaded.wait(*cells)
    assert [cell.status for cell in cells] == ["ok"] * 3
    loaded.run("import langswarm_nb as ls; path = ls.messages_df()")
    assert loaded.run("print(*path.content[path.role == 'user'])").stdout == "q0 q1 q2\n"


def test_an_error_stops_run_all(loaded):
    """A failed send is one line without a traceback, and the cells after it do not run."""
    cells = [
        loaded.send(code, stop_on_error=True)
        for code in ("%%langswarm -m mock:error\nHi", "%%langswarm\nNever sent")
    ]
    loaded.wait(*cells)
    failed, later = cells
    assert (failed.ename, later.status) == ("ProviderServerError", "aborted")
    assert len(failed.reply["traceback"]) == 1
    assert "Traceback (most recent call last)" in loaded.run("%langswarm traceback").stdout


@pytest.mark.parametrize("around", ["%%time", "%%capture captured", "%%timeit -n 1 -r 1"])
def test_other_magics_work_around_it(loaded, around):
    """The magic is plain sync code, so `%%time`, `%%capture` and `%%timeit` may stand above it."""
    assert loaded.run(f"{around}\n%%langswarm\nHello").status == "ok"
    assert "Hello" in loaded.run("%langswarm show").result


@pytest.mark.parametrize(
    "prompt",
    [
        "Is it so?",
        "!ls",
        "%time",
        "Costs $x or {x} or ${x}",
        '{"a": {"b": 1}}',
        r"\frac{1}{2} \left\{{x}\right\}",
        "C:\\new\\table",
        "carriage\r\nreturn",
        "🦆 ﷽ \u202e",
        ">>> print(1)\n1",
        "In [1]: x",
        "  indented\n\n\nlines  ",
        "x" * 1_000_000,
    ],
    ids=[
        "question",
        "shell",
        "magic",
        "dollar",
        "json",
        "latex",
        "backslash",
        "crlf",
        "unicode",
        "doctest",
        "prompt",
        "space",
        "1MB",
    ],
)
def test_a_prompt_arrives_unchanged(loaded, prompt):
    """What stands below the first line is what is stored and sent."""
    loaded.run(f"%%langswarm reply <<\n{prompt}")
    assert loaded.run(f"reply.question.content == {prompt!r}").result == "True"


LOCKED_AT_THE_END = """
import sqlite3
from langswarm_nb.core.session import get_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import checkpoint
checkpoint.CHECKPOINT_S = 0
manager = get_session_manager()
manager.storage._busy_timeout_s = 0.05  # short on purpose: the lock outlasts it
other = sqlite3.connect(manager.storage.db_path, isolation_level=None, check_same_thread=False)
def locks(request):
    yield "paid and "
    other.execute("BEGIN IMMEDIATE")
    yield "long"
replies = [locks, "fine", "again"]
manager.add_provider_session("mock", MockProviderSession(replies=replies))
"""


def test_a_reply_that_cannot_be_stored_stays_on_screen(loaded):
    """Its cell shows it whole, with one line of error; the next cell stores it, and the model gets it once."""
    loaded.run(LOCKED_AT_THE_END)
    cell = loaded.execute("%%langswarm\none", cell_id="a")
    assert cell.ename == "SessionStorageError"
    assert "paid and long" in str(cell.displays)
    assert "not stored yet" in str(cell.displays)
    assert "Traceback" not in str(cell.outputs)
    assert len(cell.reply["traceback"]) == 1
    loaded.run("other.close()")
    loaded.run("%%langswarm\ntwo", cell_id="b")
    loaded.run("import langswarm_nb as ls")
    assert loaded.run("list(ls.messages_df()['content'])").result == "['one', 'paid and long', 'two', 'fine']"
    sent = "[m.content for m in manager.provider_session('mock').requests[-1].messages]"
    assert loaded.run(sent).result == "['one', 'paid and long', 'two']"
