"""A real model server on this machine: llama.cpp's own, from the wheel ``xllamacpp``, in a child process.

``python scripts/local_server.py MODEL.gguf`` serves until Ctrl-C; `LocalServer` serves for a ``with`` block.
It speaks ``/v1/chat/completions``, ``/v1/responses``, ``/v1/messages`` and ``/v1/models``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from types import TracebackType


class LocalServer:
    """Serve one GGUF file on a free loopback port for the length of a ``with`` block.

    Parameters
    ----------
    model
        The GGUF file.
    name
        What ``/v1/models`` calls it.
    context_tokens
        Size of the context, in tokens, of each of the ``slots`` requests served at once.
    chat_template
        Jinja text that replaces the template in the file.
    stop
        Text that ends an answer, for requests that name none.
    temperature
        For requests that name none; 0 makes answers repeatable.
    eyes
        The GGUF file that turns images into what the model reads (``mmproj``); without, it sees nothing.
    """

    def __init__(
        self,
        model: Path,
        *,
        name: str,
        context_tokens: int = 4096,
        slots: int = 2,
        chat_template: str | None = None,
        stop: str | None = None,
        temperature: float = 0.8,
        eyes: Path | None = None,
    ) -> None:
        self.name = name
        self._command = [sys.executable, __file__, str(model), "--name", name]
        self._command += ["--context-tokens", str(context_tokens), "--slots", str(slots)]
        self._command += ["--temperature", str(temperature)]
        if chat_template is not None:
            self._command += ["--chat-template", chat_template]
        if stop is not None:
            self._command += ["--stop", stop]
        if eyes is not None:
            self._command += ["--eyes", str(eyes)]
        self._child: subprocess.Popen[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:41234``; the API is below ``/v1``."""
        return self._url

    def __enter__(self) -> Self:
        # The child leaves when its standard input closes, so it never outlives us, however we end.
        self._child = subprocess.Popen(
            [*self._command, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        output = cast("IO[str]", self._child.stdout)
        self._url = output.readline().strip()
        if not self._url:
            self.stop()
            raise RuntimeError(
                f"The model server did not start (exit code {self._child.wait()}). "
                f"Run it by hand to see why: {subprocess.list2cmdline(self._command)}"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server now, in mid-answer if need be."""
        if self._child is None:
            return
        self._child.kill()
        self._child.communicate()


def _serve(options: argparse.Namespace) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.name}
    params.n_ctx = options.context_tokens * options.slots
    params.n_parallel = options.slots
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.warmup = False
    params.sampling.temp = options.temperature
    # On contended cores two threads are ten times slower than one.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    if options.chat_template:
        params.chat_template = options.chat_template
    if options.eyes:
        params.mmproj.path = str(options.eyes)
        params.mmproj_use_gpu = False
    if options.stop:
        params.antiprompt = [options.stop]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    try:
        if options.until_stdin_closes:
            sys.stdin.read()
        else:
            print("serving; Ctrl-C ends it", file=sys.stderr)
            while True:
                sys.stdin.readline()
    except KeyboardInterrupt:
        pass


def _main() -> None:
    parser = argparse.ArgumentParser(description="Serve a GGUF model on this machine.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--name", default="local", help="what /v1/models calls it")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--context-tokens", type=int, default=4096)
    parser.add_argument("--slots", type=int, default=2, help="requests served at once")
    parser.add_argument("--chat-template", help="Jinja text")
    parser.add_argument("--stop", help="text that ends an answer, for requests that name none")
    parser.add_argument("--temperature", type=float, default=0.8, help="for requests that name none")
    parser.add_argument("--eyes", type=Path, help="GGUF file through which it sees images (mmproj)")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    _serve(parser.parse_args())


if __name__ == "__main__":
    _main()
