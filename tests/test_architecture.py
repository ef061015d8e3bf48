"""The rooms of the package and the way their doors open: notebook -> analysis -> render, core, never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langswarm_nb"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400

ROOMS_BELOW = {
    "core": set(),
    "render": set(),
    "analysis": {"core", "render"},
    "notebook": {"core", "render", "analysis"},
}
UPWARD_DOOR = PACKAGE / "core" / "session" / "frame_methods.py"
"""Methods of sessions that return frames; open only inside a function, see decision 0010."""
CORE_NEEDS = {"aiosqlite", "certifi", "httpx", "sniffio"}  # certifi is what httpx trusts
CORE_EXTRAS = {"aiohttp", "pandas", "yarl"}  # only inside functions
CORE_OPTIONAL = {"carrier_aiohttp"}  # a module that is imported only when its optional package is there


@dataclass(frozen=True)
class Import:
    """One imported name, with the file and line that import it."""

    file: Path
    line: int
    target: str
    """Full dotted path; for ``from m import n`` it is ``m.n``."""
    at_start: bool
    """Whether importing the file runs it: not inside a function, not under ``if TYPE_CHECKING``."""

    def __str__(self):
        return f"{self.file.relative_to(REPOSITORY)}:{self.line} imports {self.target}"


def imports_of(file: Path) -> Iterator[Import]:
    package = list(file.relative_to(REPOSITORY).parent.parts)

    def visit(node: ast.AST, at_start: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, at_start)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(file, node.lineno, f"{module}.{alias.name}", at_start)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from visit(statement, at_start=False)
            for statement in node.orelse:
                yield from visit(statement, at_start)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, at_start and not inside)

    yield from visit(ast.parse(file.read_text("utf-8")), at_start=True)


def room_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


ALL_IMPORTS = [found for file in SOURCES for found in imports_of(file)]
OURS = [found for found in ALL_IMPORTS if found.target.split(".")[0] == "langswarm_nb"]
OTHERS = [found for found in ALL_IMPORTS if found.target.split(".")[0] != "langswarm_nb"]


def test_every_folder_of_the_package_is_a_known_room():
    """A new room says first, in `ROOMS_BELOW`, what it may use."""
    assert {room_of(file) for file in SOURCES} - {""} <= set(ROOMS_BELOW)


def test_doors_open_downwards_only():
    """No room imports one that is not below it, not even for its types."""
    wrong = []
    for found in OURS:
        here, parts = room_of(found.file), found.target.split(".")
        there = parts[1] if len(parts) > 1 and parts[1] in ROOMS_BELOW else ""
        is_door = found.file == UPWARD_DOOR and not found.at_start
        if here and there and there not in ROOMS_BELOW[here] | {here} and not is_door:
            wrong.append(str(found))
    assert wrong == []


def test_core_needs_the_standard_library_aiosqlite_and_httpx():
    """Optional packages come in only inside the functions that need them."""
    wrong = []
    for found in OTHERS:
        name = found.target.split(".")[0]
        is_late = not found.at_start or found.file.stem in CORE_OPTIONAL
        allowed = CORE_NEEDS | CORE_EXTRAS if is_late else CORE_NEEDS
        if room_of(found.file) == "core" and name not in allowed | sys.stdlib_module_names:
            wrong.append(str(found))
    assert wrong == []


def test_private_names_stay_in_their_folder():
    """A module or name that starts with an underscore is imported only from within the folder it lives in."""
    wrong = []
    for found in OURS:
        parts = found.target.split(".")
        private = next((i for i, part in enumerate(parts) if part.startswith("_") and part[1] != "_"), None)
        if private is None:
            continue
        home = parts[:private]
        if not (REPOSITORY.joinpath(*home)).is_dir():  # a private name of a module: the module's folder
            home = home[:-1]
        if not found.file.is_relative_to(REPOSITORY.joinpath(*home)):
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_is_one_idea(file):
    """Each module says in its first line what it is for, and is short enough to be read at once."""
    text = file.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "the module has no docstring"
    assert text.count("\n") <= MAX_LINES


NOTEBOOK_PACKAGES = {
    "IPython",
    "anywidget",
    "comm",
    "ipykernel",
    "ipywidgets",
    "nest_asyncio",
    "nest_asyncio2",
}
HEAVY_PACKAGES = {"genai_prices", "markdown_it", "matplotlib", "nh3", "numpy", "pandas", "pyarrow"}


@pytest.mark.parametrize(
    "code, absent",
    [
        pytest.param(
            "import langswarm_nb",
            NOTEBOOK_PACKAGES | HEAVY_PACKAGES | {"aiosqlite", "asyncio", "httpx", "sqlite3"},
            id="import langswarm_nb",
        ),
        pytest.param(
            "import langswarm_nb.core.session",
            NOTEBOOK_PACKAGES | HEAVY_PACKAGES,
            id="import langswarm_nb.core.session",
        ),
        pytest.param(
            "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
            "shell = Shell.instance(); before = set(sys.modules)\n"
            "shell.run_line_magic('load_ext', 'langswarm_nb')\n"
            "assert 'langswarm' in shell.magics_manager.magics['cell']",
            HEAVY_PACKAGES | {"anywidget", "ipykernel", "ipywidgets", "nest_asyncio", "nest_asyncio2"},
            id="%load_ext langswarm_nb",
        ),
    ],
)
def test_imports_are_lazy(code, absent):
    """What is loaded first loads nothing that only some of its users need."""
    program = f"import sys; before = set()\n{code}\nprint(sorted({absent!r} & (set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_library_works_where_no_notebook_package_is_installed():
    """A plain server process without IPython and pandas creates a session and gets an answer."""
    missing = sorted(NOTEBOOK_PACKAGES | HEAVY_PACKAGES)
    program = f"""
import asyncio, sys
sys.modules.update(dict.fromkeys({missing}))  # importing any of them fails
from langswarm_nb.core.session import create_simple_session

async def main():
    session = await create_simple_session("me")
    await session.send_message("Hello!")
    return len(await session.get_messages())

print(asyncio.run(main()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert (done.stdout.strip(), done.stderr) == ("2", "")


def test_the_ways_to_run_text_or_to_trust_the_network_blindly_are_not_used():
    """No code from text, unpickling, shell, unchecked certificate, or Markdown left to the browser."""
    wrong = [
        f"{file.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 0)} {what}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if (what := forbidden(node))
    ]
    wrong += [
        f"{file.relative_to(REPOSITORY)}: {word}"
        for file in PACKAGE.rglob("*.js")
        for word in ("eval(", "new Function", "document.write", "outerHTML")
        if word in file.read_text("utf-8")
    ]
    assert wrong == []


FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__",
    "os.system", "os.popen", "tempfile.mktemp",
    "yaml.load", "yaml.unsafe_load", "ssl._create_unverified_context",
    "Markdown", "display.Markdown", "IPython.display.Markdown",  # the browser would run the scripts in it
    "ipywidgets.HTML", "widgets.HTML",
}  # fmt: skip
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_ARGUMENTS = {("shell", True), ("verify", False), ("check_hostname", False)}


def forbidden(node: ast.AST) -> str | None:
    """Return what is wrong with one node of a source file, or None."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in FORBIDDEN_CALLS:
            return f"calls {name}"
        for keyword in node.keywords:
            if (
                isinstance(keyword.value, ast.Constant)
                and (keyword.arg, keyword.value.value) in FORBIDDEN_ARGUMENTS
            ):
                return f"{name}({keyword.arg}={keyword.value.value!r})"
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
        if modules := FORBIDDEN_MODULES & {name.split(".")[0] for name in names}:
            return f"imports {modules.pop()}"
    return None


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "import pickle",
        "from marshal import loads",
        "run('x', shell=True)",
        "Client(verify=False)",
        "display(Markdown(text))",
        "yaml.load(f)",
    ],
)
def test_the_search_for_forbidden_code_finds_it(code):
    """The check above is not blind."""
    assert any(forbidden(node) for node in ast.walk(ast.parse(code)))
