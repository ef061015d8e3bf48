"""What the cell run before put out: text that it printed, pictures and values that it showed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langswarm_nb.notebook.bridge import kernel_shell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAX_CHARS = 20_000
"""Longest text that is kept of a cell."""
MAX_PICTURES = 20
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_OURS = ("%langswarm", "%%langswarm", "%load_ext", "%reload_ext")
_OBJECT = "<IPython.core.display."
"""How what has no text of its own begins."""


@dataclass(slots=True)
class CellOutput:
    """What one cell put out, in its order."""

    number: int = 0
    """Of the cell, as in ``In [5]``; known when it has ended, 0 when it has none."""
    shown: list[tuple[str | None, Mapping[str, Any]]] = field(default_factory=list)
    """MIME data, under the id of a display that may be updated."""
    result: Any = None
    is_counted: bool = False
    """Whether what is printed now is known already."""
    n_chars: int = 0
    left_out: int = 0
    """Characters and pictures that were too many."""

    def print(self, text: str) -> None:
        """Take note of text that is printed."""
        room = max(0, MAX_CHARS - self.n_chars)
        self.left_out += len(text) - len(text[:room])
        self.n_chars += len(text[:room])
        if not text[:room]:
            return
        if self.shown and "printed" in self.shown[-1][1]:
            self.shown[-1][1]["printed"].append(text[:room])
        else:
            self.shown.append((None, {"printed": [text[:room]]}))

    def show(self, data: Mapping[str, Any], display_id: str | None, *, update: bool) -> None:
        """Take note of what is displayed."""
        entry = display_id, _kept(data)
        at = next((n for n, (known, _) in enumerate(self.shown) if known == display_id), None)
        if update and display_id is not None and at is not None:
            self.shown[at] = entry
        elif sum("printed" not in each for _, each in self.shown) < MAX_PICTURES:
            self.shown.append(entry)
        else:
            self.left_out += 1

    def clear(self) -> None:
        """Forget it, as the front end does."""
        self.shown.clear()
        self.n_chars = self.left_out = 0

    @property
    def text(self) -> str:
        """All of it that is text."""
        return "\n".join(filter(None, (_text(data).rstrip("\n") for _, data in self.shown)))

    @property
    def pictures(self) -> list[bytes | str]:
        """All of it that is a picture: bytes, or their base64."""
        found = (next((data[kind] for kind in PICTURES if kind in data), None) for _, data in self.shown)
        return [picture for picture in found if picture is not None]


class OutputWatch:
    """Remembers what the last cell put out that asks nothing; between `begin` and `end` a cell runs."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._running: CellOutput | None = None
        self._last: dict[bool, CellOutput] = {}
        """The same of cells that the history has, and of those that it has not."""
        self._has_history = True
        self._undo: list[Callable[[], None]] = []

    def begin(self, info: Any = None) -> None:
        """Watch a cell that begins."""
        self._stop()
        code = str(getattr(info, "raw_cell", "") or "").lstrip()
        self._has_history = bool(getattr(info, "store_history", True))
        if code.startswith(_OURS):
            return
        self._running = output = CellOutput()
        self._watch_displays(output)
        self._watch_prints(output)

    def end(self, result: Any = None) -> None:
        """Keep what the cell put out."""
        self._stop()
        output, self._running = self._running, None
        if output is not None:
            if self._has_history:
                output.number = getattr(result, "execution_count", None) or self._shell.execution_count - 1
            output.result = getattr(result, "result", None)
            self._last[self._has_history] = output

    def last(self) -> CellOutput | None:
        """Return what the cell put out that was run before this one; None when there was none.

        The cell that asks for it is none that others mean by it, also when it runs once more. What a front end runs for
        itself leaves no history, and is not meant; but a whole notebook may be run so.
        """
        self._running = None
        output = None if self._has_history else self._last.get(False)
        output = output or self._last.get(True)
        if output is not None and output.result is not None:
            value, output.result = output.result, None
            form: Any = self._shell.display_formatter
            data, _ = form.format(value)
            if kernel_shell() is not None or any(
                kind in data for kind in PICTURES
            ):  # a terminal has printed it
                output.show(data, None, update=False)
        return output

    def _stop(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _watch_displays(self, output: CellOutput) -> None:
        publisher: Any = self._shell.display_pub
        publish, clear = publisher.publish, publisher.clear_output

        def published(data: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
            transient = more.get("transient") or {}
            output.show(data, transient.get("display_id"), update=bool(more.get("update")))
            output.is_counted = True  # a terminal prints it
            try:
                return publish(data, *rest, **more)
            finally:
                output.is_counted = False

        def cleared(*rest: Any, **more: Any) -> Any:
            output.clear()
            return clear(*rest, **more)

        for name, watching in (("publish", published), ("clear_output", cleared)):
            vars(publisher)[name] = watching
            self._undo.append(lambda name=name: vars(publisher).pop(name, None))  # type: ignore[misc]

    def _watch_prints(self, output: CellOutput) -> None:
        stream: Any = sys.stdout
        write = stream.write

        def written(text: Any) -> Any:
            if isinstance(text, str) and not output.is_counted:
                output.print(text)
            return write(text)

        try:  # a kernel's
            stream.write = written
        except (AttributeError, TypeError):  # a terminal's takes no other method
            tee: Any = _Tee(stream, written)
            sys.stdout = tee

            def give_back() -> None:
                if sys.stdout is tee:
                    sys.stdout = stream
        else:

            def give_back() -> None:
                with suppress(AttributeError):
                    del stream.write

        self._undo.append(give_back)


class _Tee:
    """A stream with another ``write``."""

    def __init__(self, stream: Any, write: Callable[[str], Any]) -> None:
        self._stream, self.write = stream, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _kept(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be asked for of MIME data: one picture, or text."""
    picture = next((kind for kind in PICTURES if data.get(kind)), None)
    if picture is not None:
        return {picture: data[picture]}
    return {kind: data[kind] for kind in ("text/markdown", "text/plain") if data.get(kind)}


def _text(data: Mapping[str, Any]) -> str:
    if "printed" in data:
        return "".join(data["printed"])
    plain = str(data.get("text/plain", ""))
    return str(data.get("text/markdown", "")) if plain.startswith(_OBJECT) or not plain else plain
