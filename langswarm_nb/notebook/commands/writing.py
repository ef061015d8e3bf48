"""Commands that ask, and that put answers into cells: ask, fix, insert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from langswarm_nb.core.session import MessageRole
from langswarm_nb.notebook.asking.interpolate import Prompt
from langswarm_nb.notebook.asking.options import CellOptions
from langswarm_nb.notebook.asking.send import converse, prompt_of
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.showing.code_blocks import code_blocks

from .command import Command, arg

if TYPE_CHECKING:
    from langswarm_nb.notebook.asking.send import Answer
    from langswarm_nb.notebook.workspace import Workspace


def _ask(workspace: Workspace, text: str) -> Answer:
    options = CellOptions()
    return converse(workspace, prompt_of(workspace, text, options), options)


def _fix(workspace: Workspace, model: str | None) -> Answer:
    failure = workspace.failures.last
    if failure is None:
        raise UsageError("No cell has failed since the extension was loaded, or it has succeeded since.")
    options = CellOptions(models=() if model is None else (model,))
    return converse(workspace, Prompt(failure.prompt), options)


def _insert(workspace: Workspace, n: int) -> str:
    blocks = run_sync(_last_blocks(workspace))
    if not 1 <= n <= len(blocks):
        raise UsageError(f"The last answer has {len(blocks)} code blocks; there is no block {n}.")
    workspace.shell.set_next_input(blocks[n - 1])
    return f"block {n} of {len(blocks)} is in the next cell; nothing was run"


async def _last_blocks(workspace: Workspace) -> list[str]:
    """Return the code of the answer shown last; in a new kernel that of the last answer of the conversation."""
    answer = workspace.last_answer
    if answer is None:
        session = await workspace.current()
        answer = next(iter(await session.get_messages(limit=1, role=MessageRole.ASSISTANT)), None)
    return [] if answer is None else [block.code for block in code_blocks(answer.content)]


COMMANDS = (
    Command("ask", _ask, "send one line to the model; it may end in a question mark", text="TEXT"),
    Command(
        "fix",
        _fix,
        "send the cell that failed last, with its error",
        (arg("-m", "--model", metavar="MODEL", help="another model", completes="model"),),
    ),
    Command(
        "insert",
        _insert,
        "put a code block of the last answer into the next cell",
        (arg("n", metavar="N", nargs="?", type=int, default=1, help="which block; the first by default"),),
    ),
)
