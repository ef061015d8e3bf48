r"""A real Jupyter kernel: run cells in it, interrupt it, and look at everything it sent.

with running_kernel() as kernel:
    assert kernel.execute("print(1 + 1)").stdout == "2\n"

    cell = kernel.send("import time; print('go'); time.sleep(60)")  # does not wait
    kernel.wait_for(cell, lambda: "go" in cell.stdout)
    kernel.interrupt()
    assert kernel.wait(cell).ename == "KeyboardInterrupt"
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from tests.support.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jupyter_client.blocking.client import BlockingKernelClient


@dataclass
class Cell:
    """One execute request and all the kernel said about it."""

    code: str
    message_id: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    """The messages on iopub in order of arrival; each has ``size_bytes``, its length on the wire."""
    reply: dict[str, Any] | None = None
    """The content of ``execute_reply``."""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    """What a notebook file would save for the cell: updates and clears applied, stream text joined."""
    is_idle: bool = False
    clears_next: bool = False
    """Whether the next output replaces all there is: ``clear_output(wait=True)``."""

    @property
    def is_done(self) -> bool:
        """Whether the reply came and no output will follow but that of background work."""
        return self.reply is not None and self.is_idle

    @property
    def status(self) -> str:
        """``"ok"``, ``"error"`` or ``"aborted"``."""
        assert self.reply is not None, f"no reply yet to {self.code!r}"
        return str(self.reply["status"])

    @property
    def ename(self) -> str:
        """The class of the error that ended the cell; empty when none did."""
        return str((self.reply or {}).get("ename", ""))

    @property
    def evalue(self) -> str:
        """The text of the error that ended the cell."""
        return str((self.reply or {}).get("evalue", ""))

    @property
    def stdout(self) -> str:
        """What the cell printed."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        """What the cell wrote to stderr."""
        return self._stream("stderr")

    @property
    def displays(self) -> list[dict[str, Any]]:
        """Return the outputs that are MIME bundles: displays and the result of the cell."""
        return [output for output in self.outputs if "data" in output]

    @property
    def result(self) -> str:
        """The plain text of ``Out[n]``; empty when there is none."""
        results = [output for output in self.outputs if output["output_type"] == "execute_result"]
        return str(results[-1]["data"]["text/plain"]) if results else ""

    @property
    def size_bytes(self) -> int:
        """The bytes of all its messages on iopub."""
        return sum(message["size_bytes"] for message in self.messages)

    def _stream(self, name: str) -> str:
        return "".join(output["text"] for output in self.outputs if output.get("name") == name)


_AS_NEW = """
def as_new(environment, folder):
    import os, sys
    shell = get_ipython()
    if "langswarm_nb" in shell.extension_manager.loaded:
        shell.run_line_magic("unload_ext", "langswarm_nb")
    if "ipywidgets" in sys.modules:
        sys.modules["ipywidgets"].Widget.close_all()
    shell.run_line_magic("xmode", "Context")
    for name in set(os.environ) - set(environment):
        if not name.startswith("JPY_"):  # by which the kernel knows who started it
            del os.environ[name]
    os.environ.update(environment)
    os.chdir(folder)
    shell.reset()

as_new({environment!r}, {folder!r})
"""


class ThisPython(KernelSpecManager):
    """Knows one kernel: ipykernel in this interpreter, whatever is installed for the user."""

    before_start = ""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return that kernel."""
        start = f"{self.before_start}\nfrom ipykernel.kernelapp import launch_new_instance as go; go()"
        options = ["-f", "{connection_file}", "--HistoryManager.enabled=False"]
        return KernelSpec(argv=[sys.executable, "-c", start, *options], language="python")


class Kernel:
    """A started kernel and a client of it; made by `running_kernel`."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient, log: Path) -> None:
        self.manager = manager
        self.client = client
        self.log = log
        """What the kernel's process wrote to its own stdout and stderr, outside of any cell."""
        self._cells: dict[str, Cell] = {}
        self._displays: dict[str, list[dict[str, Any]]] = {}

    def execute(self, code: str, *, cell_id: str | None = None, timeout_s: float = PATIENCE_S) -> Cell:
        """Run a cell and wait until it is done; a cell that fails is returned as well."""
        return self.wait(self.send(code, cell_id=cell_id), timeout_s=timeout_s)

    def run(self, code: str, *, cell_id: str | None = None, timeout_s: float = PATIENCE_S) -> Cell:
        """Run a cell that must not fail."""
        cell = self.execute(code, cell_id=cell_id, timeout_s=timeout_s)
        assert cell.status == "ok", "\n".join(
            [cell.stdout, cell.stderr, *(cell.reply or {}).get("traceback", [])]
        )
        return cell

    def send(
        self,
        code: str,
        *,
        cell_id: str | None = None,
        subshell_id: str | None = None,
        stop_on_error: bool = False,
        stdin: bool = False,
    ) -> Cell:
        """Ask for a cell to be run and return at once; several may be sent, as Run All does.

        JupyterLab tells the kernel the ``cell_id``; here it is not told by default.
        With ``stdin`` the cell may ask, and `answer` answers.
        With ``stop_on_error``, which front ends set, a failure also ends cells sent within a moment of it.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": stdin,
            "stop_on_error": stop_on_error,
        }
        message = self.client.session.msg("execute_request", content)
        message["header"]["subshell_id"] = subshell_id
        if cell_id is not None:
            message["metadata"]["cellId"] = cell_id
        cell = self._cells[message["header"]["msg_id"]] = Cell(code, message["header"]["msg_id"])
        self.client.shell_channel.send(message)
        return cell

    def answer(self, text: str) -> tuple[str, bool]:
        """Wait until a cell asks, and type an answer; return the question, and whether what is typed stays unseen."""
        asked = self.client.get_stdin_msg(timeout=PATIENCE_S)["content"]
        self.client.input(text)
        return str(asked["prompt"]), bool(asked["password"])

    def wait(self, *cells: Cell, timeout_s: float = PATIENCE_S) -> Cell:
        """Wait until all of ``cells`` are done; returns the last."""
        for cell in cells:
            self.wait_for(cell, lambda cell=cell: cell.is_done, timeout_s=timeout_s)  # type: ignore[misc]
        return cells[-1]

    def wait_for(self, cell: Cell, condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
        """Take in messages until ``condition`` holds.

        Raises
        ------
        TimeoutError
            It did not hold in time; tells what the cell has sent.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if not self.pump(min(0.5, deadline - time.monotonic())) and time.monotonic() > deadline:
                raise TimeoutError(
                    f"after {timeout_s} s the cell {cell.code!r} has reply={cell.reply}, "
                    f"outputs={cell.outputs}; "
                    f"the kernel's log ends with {self.log.read_text(errors='replace')[-2000:]!r}"
                )

    def pump(self, timeout_s: float) -> bool:
        """Take in what has arrived, waiting at most ``timeout_s`` for the first; False when nothing came."""
        shell, iopub = self.client.shell_channel.socket, self.client.iopub_channel.socket
        poller = zmq.Poller()
        poller.register(shell, zmq.POLLIN)
        poller.register(iopub, zmq.POLLIN)
        ready = dict(poller.poll(round(max(0, timeout_s) * 1000)))
        for socket in ready:
            while socket.poll(0):
                self._take(self._read(socket), is_reply=socket is shell)
        return bool(ready)

    def interrupt(self) -> None:
        """Do what the ■ button does."""
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """End the process with SIGKILL, as the out-of-memory killer would."""
        self.manager.signal_kernel(signal.SIGKILL)

    def restart(self) -> None:
        """Start the kernel anew; variables are gone, cells sent earlier keep what they had."""
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def renew(self, folder: Path) -> None:
        """Make it as good as new for another test, in a folder of its own, with this process's environment.

        Modules stay loaded and asyncio patched. Without panels, variables and the extension the rest is fresh.
        """
        self.run(_AS_NEW.format(environment=dict(os.environ), folder=str(folder)))
        self._cells.clear()
        self._displays.clear()

    def create_subshell(self) -> str:
        """Return the id of a new subshell (ipykernel 7 and later), to pass to `send`."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        reply = self.client.control_channel.get_msg(timeout=PATIENCE_S)
        return str(reply["content"]["subshell_id"])

    def _read(self, socket: zmq.Socket[bytes]) -> dict[str, Any]:
        frames = socket.recv_multipart()
        _, parts = self.client.session.feed_identities(frames)
        message: dict[str, Any] = self.client.session.deserialize(parts)
        return {**message, "size_bytes": sum(map(len, frames))}

    def _take(self, message: dict[str, Any], *, is_reply: bool) -> None:
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        if is_reply:
            cell.reply = message["content"]
            return
        cell.messages.append(message)
        if message["msg_type"] == "status":
            cell.is_idle = message["content"]["execution_state"] == "idle"
        else:
            self._apply(cell, message["msg_type"], message["content"])

    def _apply(self, cell: Cell, kind: str, content: dict[str, Any]) -> None:
        if kind == "update_display_data":
            for output in self._displays.get(content["transient"]["display_id"], []):
                output.update(data=content["data"], metadata=content["metadata"])
        elif kind == "clear_output" and content["wait"]:
            cell.clears_next = True
        elif kind == "clear_output":
            cell.outputs.clear()
        elif kind in {"stream", "display_data", "execute_result", "error"}:
            self._append(cell, kind, content)

    def _append(self, cell: Cell, kind: str, content: dict[str, Any]) -> None:
        if cell.clears_next:
            cell.outputs.clear()
            cell.clears_next = False
        if kind == "stream" and cell.outputs and cell.outputs[-1].get("name") == content["name"]:
            cell.outputs[-1]["text"] += content["text"]
        else:
            output = {"output_type": kind, **content}
            cell.outputs.append(output)
            display_id = output.pop("transient", {}).get("display_id")
            if display_id is not None:
                self._displays.setdefault(display_id, []).append(output)


@contextlib.contextmanager
def running_kernel(
    *, env: Mapping[str, str] | None = None, cwd: Path | None = None, before_start: str = ""
) -> Iterator[Kernel]:
    """Start a kernel and stop it at the end of the block.

    Parameters
    ----------
    env
        Variables added to this process's environment for the kernel.
    cwd
        Its working directory; a new empty folder by default.
    before_start
        Python code the process runs before it becomes a kernel.
    """
    with tempfile.TemporaryDirectory() as folder, Path(folder, "kernel.log").open("wb") as log:
        specs = ThisPython()
        specs.before_start = before_start
        manager = KernelManager(kernel_spec_manager=specs, connection_file=str(Path(folder, "kernel.json")))
        manager.start_kernel(
            env={**os.environ, **(env or {})}, cwd=str(cwd or folder), stdout=log, stderr=log
        )
        client = manager.blocking_client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=PATIENCE_S)
            yield Kernel(manager, client, Path(log.name))
        finally:
            process = getattr(manager.provisioner, "process", None)
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            if process is not None:
                process.wait(
                    PATIENCE_S
                )  # the manager waits for five seconds, which is too short on a busy machine
            manager.cleanup_resources()
