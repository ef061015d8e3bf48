"""The chat panel in a real kernel: what a turn sends and takes, after a long conversation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tests.bench.cell import SCRIPTED, TEXT, kernel
from tests.bench.measuring import cpu_clock
from tests.bench.row import Counts, Measure, Row, Side
from tests.support.kernels import Kernel
from tests.support.panel_kernel import LOAD, KernelPanel

MESSAGES, QUIET_S = 2_000, 1.0
LONG_SESSION = f"""
from langswarm_nb.core.session import MessageRole, SessionMessage, RequestFacts, Usage, get_session_manager
manager = get_session_manager()
session = (await manager.list_user_sessions("bench"))[0]
facts = RequestFacts("mock", "echo", usage=Usage(input_tokens=10, output_tokens=20), duration_s=0.1)
roles, words = [MessageRole.USER, MessageRole.ASSISTANT], "word " * 40
messages = [SessionMessage(role=roles[n % 2], content=f"message **{{n}}** {{words}}", request=[None, facts][n % 2])
            for n in range({MESSAGES})]
await manager.storage.append_messages(session.session_id, messages)
panel = ls.chat()
panel
"""


def _until_quiet(made: Kernel) -> None:
    """Take in what the kernel sends until it sends nothing for a while: some is sent when a panel rests."""
    while made.pump(QUIET_S):
        pass


def _turn(what: str) -> Side:
    @contextmanager
    def side() -> Iterator[Measure]:
        with kernel() as made:
            made.run(LOAD)
            made.run("%%langswarm -m mock:echo\nHi", cell_id="first")
            shown = made.run(LONG_SESSION, cell_id="panel")
            panel = KernelPanel(made)
            clock = cpu_clock(made.manager.provisioner.pid)  # type: ignore[union-attr]

            def work() -> float:
                _until_quiet(made)
                before, start = _sent(made), clock()
                panel.ask("send", text="one more")
                _until_quiet(made)
                taken = (clock() - start) * 1000
                return taken if what == "cpu" else (_sent(made) - before) / 1000

            assert shown.status == "ok"
            yield work

    return side


def _sent(made: Kernel) -> int:
    return sum(cell.size_bytes for cell in made._cells.values())


@contextmanager
def _long_reply() -> Iterator[Measure]:
    with kernel() as made:
        made.run(f"{LOAD}\n{SCRIPTED}")
        made.run("%langswarm use mock:paced")
        made.run("panel = ls.chat()\npanel", cell_id="panel")
        panel = KernelPanel(made)

        def work() -> float:
            before = panel.size_bytes
            panel.say("go")
            return (panel.size_bytes - before) / 1000

        yield work


ROWS = [
    Row("a turn in a panel of 2,000 messages, to the page", "kB", 20, None, _turn("bytes"), Counts.OURS, 3),
    Row("a turn in a panel of 2,000 messages", "ms", 60, None, _turn("cpu"), Counts.OURS, 4),
    Row(
        "a reply of 96 kB in a panel, to the page",
        "kB",
        4,
        lambda: nullcontext(lambda: len(TEXT) / 1000),
        _long_reply,
        pairs=1,
    ),
]
