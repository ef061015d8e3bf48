"""A chat panel in a real kernel, driven as its page would: messages of its comm up, and what comes back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.support.kernels import Cell, Kernel
from tests.support.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOAD = "%load_ext langswarm_nb\nimport langswarm_nb as ls"
SCRIPTED = """
from langswarm_nb.core.session.providers.mock import MockProviderSession
get_ipython().magics_manager.registry["LangSwarmMagics"].workspace.manager.add_provider_session(
    "mock", MockProviderSession(replies={replies}, delay_s={delay_s}, chunk_chars={chunk_chars}))
"""


class KernelPanel:
    """The panel that a kernel knows as ``name``."""

    def __init__(self, kernel: Kernel, name: str = "panel") -> None:
        self.kernel, self.name = kernel, name
        self.comm_id = kernel.run(f"print({name}.comm.comm_id)").stdout.strip()
        self._sent: list[Cell] = []

    def post(self, kind: str, *, buffers: Sequence[bytes] = (), **content: Any) -> Cell:
        """Send a message of the page, with bytes beside it, and do not wait."""
        number = f"t{len(self._sent)}"
        data = {"method": "custom", "content": {"type": kind, "n": number, **content}}
        message = self.kernel.client.session.msg("comm_msg", {"comm_id": self.comm_id, "data": data})
        message["buffers"] = list(buffers)
        cell = Cell(kind, message["header"]["msg_id"])
        # What the panel publishes is an answer to the last message of its page.
        self.kernel._cells[cell.message_id] = cell
        self._sent.append(cell)
        self.kernel.client.shell_channel.send(message)
        return cell

    def ask(self, kind: str, **content: Any) -> Any:
        """Send a message of the page and return the value of its answer; an error is raised."""
        number = f"t{len(self._sent)}"
        cell = self.post(kind, **content)

        def answers() -> list[dict[str, Any]]:
            return [m for m in self.customs if m["type"] == "result" and m["n"] == number]

        self.kernel.wait_for(cell, lambda: bool(answers()))
        [answer] = answers()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def say(self, text: str) -> dict[str, Any]:
        """Send a text, wait for the end of the reply, and return it as an item."""
        count = len(self.transcript["messages"])
        self.ask("send", text=text)
        shown = self.wait(lambda t: not t["live"] and len(t["messages"]) >= count + 2)
        said: dict[str, Any] = shown["messages"][-1]
        return said

    def wait(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Take in messages until the transcript is as wanted, and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(transcript := self.transcript):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the transcript stays {json.dumps(transcript)[:2000]}")
            self.kernel.pump(0.05)
        return transcript

    @property
    def customs(self) -> list[dict[str, Any]]:
        """What the kernel sent to the page, in order."""
        return [data["content"] for data in self._data() if data["method"] == "custom"]

    @property
    def updates(self) -> list[dict[str, Any]]:
        """The traits that the kernel set, in order."""
        return [data["state"] for data in self._data() if data["method"] == "update"]

    @property
    def size_bytes(self) -> int:
        """The bytes of all that was sent to the page."""
        return sum(
            message["size_bytes"]
            for cell in self._sent
            for message in cell.messages
            if message["msg_type"] == "comm_msg"
        )

    @property
    def transcript(self) -> dict[str, Any]:
        """What a page that opens now would get."""
        return dict(json.loads(self.eval(f"json.dumps({self.name}.transcript)")))

    def eval(self, expression: str) -> str:
        """Return what an expression in the kernel prints."""
        return self.kernel.run(f"import json; print(({expression}))").stdout.strip()

    def _data(self) -> list[dict[str, Any]]:
        return [
            message["content"]["data"]
            for cell in self._sent
            for message in cell.messages
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self.comm_id
        ]


def opened(
    kernel: Kernel,
    *,
    replies: object = None,
    delay_s: float | None = None,
    chunk_chars: int | None = None,
    options: str = "",
) -> KernelPanel:
    """Open a panel in a kernel on its notebook's session; the mock provider answers as given."""
    kernel.run(LOAD + SCRIPTED.format(replies=replies, delay_s=delay_s, chunk_chars=chunk_chars))
    kernel.run(f"panel = ls.chat({options})\npanel")
    return KernelPanel(kernel)


def texts(transcript: dict[str, Any], role: str | None = None) -> list[str]:
    """Return the texts of the messages shown, or of those of one role."""
    return [item["text"] for item in transcript["messages"] if role in {None, item["role"]}]
