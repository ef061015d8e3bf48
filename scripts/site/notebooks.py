"""Notebooks as pages: as they were saved, with their outputs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from nbformat import NotebookNode

_MARKUP = re.compile(r"\x1b\[[0-9;]*m")
_EMPTY_LINES, _FILLED = re.compile(r"\n(?=[ \t]*\n)"), "&#10;"
_FOR_TESTS = re.compile(r"^# NBVAL_\w+\n", re.MULTILINE)
_PICTURES = {"image/png": "png", "image/svg+xml": "svg"}


def plain(file: Path) -> str:
    """Return a notebook as Markdown: cells as code, outputs as text or pictures."""
    return _page(file, rich=False)


def rich(file: Path) -> str:
    """Return a notebook as Markdown with its outputs as HTML, as a notebook shows them."""
    return _page(file, rich=True)


def files(file: Path) -> Mapping[str, bytes]:
    """Return what the page links to: the notebook itself, and the pictures among its outputs."""
    found = {file.name: file.read_bytes()}
    for number, cell in enumerate(_read(file).cells):
        for place, output in enumerate(cell.get("outputs", [])):
            if (kind := _picture_kind(output)) is not None:
                found[_picture_name(file, number, place, kind)] = _picture(output["data"][kind])
    return found


def _page(file: Path, *, rich: bool) -> str:
    parts = []
    for number, cell in enumerate(_read(file).cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code" and cell.source.strip():
            parts.append(_fenced("ipython", _FOR_TESTS.sub("", cell.source)))
            parts += _outputs(file, number, cell, rich=rich)
    title, *rest = parts
    note = f"[This notebook]({file.name}), as it was saved."
    heading, _, below = title.partition("\n")
    return "\n\n".join(part for part in (heading, note, below.strip(), *rest) if part) + "\n"


def _outputs(file: Path, number: int, cell: NotebookNode, *, rich: bool) -> Iterator[str]:
    for place, output in enumerate(cell.outputs):
        kind = _picture_kind(output)
        html = output.get("data", {}).get("text/html")
        if kind is not None:
            picture = f"![Output of the cell above]({_picture_name(file, number, place, kind)})"
            yield f'<div class="nb-output" markdown="1">\n\n{picture}\n\n</div>' if rich else picture
        elif rich and html:
            yield _html(html)
        elif text := _text(output):
            yield _html(f"<pre>{escape(text)}</pre>") if rich else _fenced("text", text)


def _html(html: str) -> str:
    """Return an output as one block: without empty lines, at which Markdown would end it."""
    return f'<div class="nb-output">{_EMPTY_LINES.sub(_FILLED, html.strip())}</div>'


def _fenced(language: str, code: str) -> str:
    """Return code between fences that are longer than any in it."""
    fence = "`" * max([3, *(len(marks) + 1 for marks in re.findall("`+", code))])
    return f"{fence}{language}\n{code}\n{fence}"


def _text(output: NotebookNode) -> str:
    data = output.get("data", {})
    text = output.get("text") or data.get("text/plain") or output.get("evalue", "")
    return _MARKUP.sub("", text).rstrip()


def _picture_kind(output: NotebookNode) -> str | None:
    return next((kind for kind in _PICTURES if kind in output.get("data", {})), None)


def _picture_name(file: Path, number: int, place: int, kind: str) -> str:
    return f"{file.stem}-{number}-{place}.{_PICTURES[kind]}"


def _picture(data: str) -> bytes:
    return data.encode() if data.lstrip().startswith("<") else base64.b64decode(data)


def _read(file: Path) -> NotebookNode:
    found: NotebookNode = nbformat.read(file, as_version=4)
    return found
