"""Bytes, messages and kernel CPU of a streamed cell: the magic beside the plain ways of streaming, same text."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.support.kernels import Kernel, running_kernel

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

DELTAS, DELTA_CHARS = 4_000, 24
SETUP = f"""
from IPython.display import HTML, Markdown, display

sentence = "A paragraph of **words** about `code`, with some length to it, as models write them. "
text = (sentence * {DELTAS * DELTA_CHARS // 80})[:{DELTAS * DELTA_CHARS}]
pieces = [text[at:at + {DELTA_CHARS}] for at in range(0, len(text), {DELTA_CHARS})]
"""
WAYS = {
    "print, each delta flushed": """
for piece in pieces:
    print(piece, end="", flush=True)
""",
    "display handle, whole text each delta": """
handle, so_far = display(Markdown(""), display_id=True), ""
for piece in pieces:
    so_far += piece
    handle.update(Markdown(so_far))
""",
    "chatlas": """
from collections import defaultdict
from chatlas._display import IPyMarkdownDisplay
with IPyMarkdownDisplay(defaultdict(dict)) as shown:
    for piece in pieces:
        shown.echo(piece)
""",
    "%%langswarm": """%%langswarm mock:paced
go on
""",
}
OURS = """
%load_ext langswarm_nb
from langswarm_nb.core.session.providers import mock
mock.MODELS["paced"] = "the text of the bench"
mock._echo = lambda model, questions: text
mock.MockProviderSession._pieces = lambda self, whole: pieces
"""


def test_a_streamed_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """4,000 deltas with 96 kB: the magic stays within 0.5 MB and 400 messages, with one saved output."""
    with running_kernel() as kernel:
        kernel.run(SETUP)
        kernel.run(OURS)
        ways = {name: code for name, code in WAYS.items() if name != "chatlas" or find_spec("chatlas")}
        rows = [(name, *measure(kernel, code)) for name, code in ways.items()]
    with capsys.disabled():
        print(f"\n{DELTAS} deltas, {DELTAS * DELTA_CHARS // 1000} kB      messages      bytes  outputs")
        for name, messages, size, outputs in rows:
            print(f"{name:40} {messages:6} {size:12,} {outputs:6}")
    _, messages, size, outputs = rows[-1]
    assert messages <= 400
    assert size <= 500_000
    assert outputs == 1


def measure(kernel: Kernel, code: str) -> tuple[int, int, int]:
    """Return messages, bytes and saved outputs of a cell."""
    cell = kernel.run(code, timeout_s=400)
    return len(cell.messages), cell.size_bytes, len(cell.outputs)
