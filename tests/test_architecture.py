"""The rooms of the package and the way their doors open: downwards, and in no circle."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter

import pytest
from packaging.requirements import Requirement

from tests.support.imports import (
    MODULES,
    OTHERS,
    OURS,
    PACKAGE,
    SOURCES,
    Import,
    circle_in,
    graph_of,
    longest_chain,
)
from tests.support.paths import REPOSITORY

MAX_LINES = 400
MAX_FILES = 20
"""So many files of one folder can be looked through, its `__init__` not counted."""
MAX_DEPTH = 20
"""So many modules stand on each other, from what Tab offers down to the words of an error."""

FLOORS = {
    "": ["__init__", "notebook", "batch", "analysis", "core render", "_version"],
    "core.session": [
        "__init__ default factory base context upkeep",
        "session",
        "sending",
        "attachments",
        "providers storage",
        "hooks message_tree",
        "imports",
        "export interfaces",
        "closing provider_events conversation",
        "checks files messages settings",
        "answers parts",
        "errors frame_methods key_patterns secret text values",
    ],
    "core.session.providers": [
        "__init__ kit",
        "anthropic cohere decider gemini mistral mock ollama openai",
        "chat",
        "_decisions",
        "_dialect download",
        "_http",
        "catalogue deciders intakes public_addresses schema_routes",
        "mock_answers mock_decisions mock_failures mock_tools",
    ],
    "core.session.storage": [
        "__init__",
        "memory sqlite unlogged",
        "_sqlite",
        "bounded bytes_in_memory carried records",
        "rows",
        "arguments packing part_texts",
    ],
    "notebook": [
        "__init__",
        "calls",
        "shell",
        "commands",
        "panel",
        "asking",
        "showing workspace",
        "bridge cell_errors config running_cell",
    ],
}
"""Folder -> what is in it, floor by floor from the top. Imports lead down; files of one floor may know each other,
rooms of one floor do not."""
LOOPS = {
    ("core.session.frame_methods", "analysis"): "sessions offer their frames: decision 0010",
    ("core.session.frame_methods", "analysis.filters"): "types of those",
    ("core.session.interfaces", "core.session.sending.stream"): "type of what a send returns",
    ("core.session.interfaces", "core.session.sending.options"): "types of what a send takes",
    (
        "core.session.sending.message_sending",
        "core.session.base",
    ): "type of the manager that a session belongs to",
    (
        "core.session.sending.placed_question",
        "core.session.session",
    ): "type of the session that a question is for",
    ("core.session.session", "core.session.base"): "type of the manager that a session belongs to",
    ("core.session.sending.fitting", "core.session.base"): "type of the manager that knows who is there",
    ("core.session.sending.turn", "core.session.session"): "type of the session that a turn is of",
    ("core.session.sending.round", "core.session.session"): "the same",
    ("core.session.sending.late_replies", "core.session.session"): "type of the session that a reply is of",
    ("core.session.sending.native_conversation", "core.session.session"): "the same",
    ("core.session.sending.stream", "core.session.sending.turn"): "type of the turn that a stream runs",
    ("core.session.errors", "core.session.messages"): "type of the reply that an error hands over",
    ("notebook.panel.actions", "notebook.panel.widget"): "type of the panel that an action gets",
    ("notebook.panel.attachment_actions", "notebook.panel.widget"): "type of the panel that an action gets",
}
"""Imports that lead back, and why. None of them runs when the package is loaded: they are for types, or stand in a
function."""
SAME_PART = {
    "carried": "what messages carry beside their words: taken out of them, kept in SQL, and shown",
    "columns": "what a frame has: of what is stored, and of answers",
    "reader": "the way back from each dialect",
    "described": "what an item of a service says to somebody who reads it",
    "schema_asking": "what asks a service for an answer of a schema",
    "faults": "what others say when they fail, in our words",
    "models": "one file a subject, among pictures and among commands",
    "sessions": "one file a subject, among pictures, commands and tables",
    "tree": "one file a subject, among commands, tables and what a conversation is",
    "questions": "what is asked of a model: of one service, and to be decided",
    "options": "what a send takes: that of a cell, that of a session",
}
"""File names that several rooms have, and what such files are."""
CORE_NEEDS = {
    "aiosqlite",
    "certifi",
    "fastjsonschema",
    "httpcore",
    "httpx",
    "msgspec",
    "sniffio",
}  # certifi is what httpx trusts
CORE_EXTRAS = {"PIL", "aiohttp", "pandas", "pydantic", "truststore", "yarl"}  # only inside functions
CORE_OPTIONAL = {"carrier_aiohttp"}  # a module that is imported only when its optional package is there

SELDOM_NEEDED = {
    "fastjsonschema",
    "langswarm_nb.core.session.answers.answer_schema",  # answers that are values
    "langswarm_nb.core.session.conversation.old_numbers",  # old files, old exports
    "langswarm_nb.core.session.conversation.open_blocks",  # exports to read
    "langswarm_nb.core.session.export",
    "langswarm_nb.core.session.imports",
    "langswarm_nb.core.session.storage._sqlite.search",
    "pydantic",
    "langswarm_nb.core.session.conversation.syncing",  # `%langswarm sync`
    "importlib.metadata",  # who offers other providers, how a kernel's loop nests
}
"""What few sessions ever do; it is loaded when it is done."""

AT_START = [found for found in OURS if found.at_start]
FORWARD = [found for found in OURS if (found.importer, found.imported) not in LOOPS]


def inside(folder: str, module: str) -> str | None:
    """Return the name of the file or room of a folder that holds a module; None when it is elsewhere."""
    if module == folder:
        return "__init__"
    parts, above = module.split("."), folder.split(".") if folder else []
    return parts[len(above)] if parts[: len(above)] == above else None


def leads_down(found: Import, folder: str) -> bool:
    """Return whether an import between two parts of a folder leads to a lower floor, or to a file beside."""
    here, there = inside(folder, found.importer), inside(folder, found.imported)
    if here is None or there is None or here == there:
        return True
    floor = {name: number for number, names in enumerate(FLOORS[folder]) for name in names.split()}
    are_rooms = all((PACKAGE / folder.replace(".", "/") / name).is_dir() for name in (here, there))
    return floor[here] < floor[there] or (floor[here] == floor[there] and not are_rooms)


@pytest.mark.parametrize("folder", FLOORS)
def test_all_that_is_in_a_folder_has_its_floor(folder):
    """A new file or room says first what it stands on."""
    names = {name for module in MODULES if (name := inside(folder, module))}
    assert sorted(" ".join(FLOORS[folder]).split()) == sorted(names)


@pytest.mark.parametrize("folder", FLOORS)
def test_doors_open_downwards_only(folder):
    """Nothing imports what stands above it, not even for its types, but for the ways back that are named."""
    assert [str(found) for found in FORWARD if not leads_down(found, folder)] == []


def test_no_imports_run_in_a_circle():
    """A module can be understood, and loaded, after those that it stands on."""
    assert circle_in(graph_of(AT_START)) == []


def test_all_ways_back_are_named():
    """Imports for types and inside functions make no circle either, but for those that are named."""
    assert circle_in(graph_of(FORWARD)) == []


@pytest.mark.parametrize("loop", LOOPS, ids=" -> ".join)
def test_a_way_back_is_late_and_needed(loop):
    """What is named leads back, and does not run when the package is loaded."""
    found = [each for each in OURS if (each.importer, each.imported) == loop]
    assert found
    assert not any(each.at_start for each in found)
    leads_up = not all(leads_down(each, folder) for each in found for folder in FLOORS)
    assert leads_up or circle_in(graph_of([*FORWARD, *found]))


def test_imports_are_no_deeper_than_told():
    """The longest chain of modules that stand on each other can be followed."""
    chain = longest_chain(graph_of(AT_START))
    assert len(chain) <= MAX_DEPTH, " -> ".join(chain)


def test_no_folder_is_a_hall():
    """What is in a folder is seen at once."""
    files = Counter(file.parent for file in SOURCES if file.stem != "__init__")
    full = {
        folder.relative_to(PACKAGE).as_posix(): count for folder, count in files.items() if count > MAX_FILES
    }
    assert full == {"core/session": 21}  # a manager is two files, beside what both are made of


def test_files_of_one_name_play_the_same_part():
    """A name means one thing, wherever it stands."""
    stems = Counter(file.stem for file in SOURCES if file.stem != "__init__")
    assert {stem for stem, count in stems.items() if count > 1} == set(SAME_PART)


def test_core_needs_the_standard_library_and_five_packages():
    """Optional packages come in only inside the functions that need them."""
    wrong = []
    for found in OTHERS:
        name = found.target.split(".")[0]
        is_late = not found.at_start or found.file.stem in CORE_OPTIONAL
        allowed = CORE_NEEDS | (CORE_EXTRAS if is_late else set())
        if found.importer.startswith("core.") and name not in allowed | sys.stdlib_module_names:
            wrong.append(str(found))
    assert wrong == []


def test_a_server_is_told_to_install_what_core_needs():
    """The guide's list for servers is that, with the versions that the package asks for."""
    guide = (REPOSITORY / "docs" / "guide" / "service.md").read_text("utf-8")
    [told] = [line for line in guide.splitlines() if line.startswith("pip install ") and "aiosqlite" in line]
    requirements = shlex.split(told.removeprefix("pip install "))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(requirements) <= set(project["dependencies"])
    assert {Requirement(one).name for one in requirements} == CORE_NEEDS


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


HOUSE = (REPOSITORY / "docs" / "house.md").read_text("utf-8")


def test_the_page_shows_every_room():
    """Its tree has each folder of the package, once, where it is, with some words."""
    shown: list[str] = []
    above: list[str] = []
    for indent, name in re.findall(r"^( *)(\w+)/ +\S", HOUSE.split("```")[1], flags=re.MULTILINE):
        above = [*above[: len(indent) // 2], name]
        shown.append("/".join(above))
    folders = {
        file.parent.relative_to(REPOSITORY).as_posix() for file in PACKAGE.rglob("*.*") if file.is_file()
    }
    assert sorted(shown) == sorted(folder for folder in folders if "__pycache__" not in folder)


def test_the_page_tells_where_things_go_and_how_much_fits():
    """The files that it names are there, but for those that are to be made; its limits are the ones held here."""
    named = {name for name in re.findall(r"`([\w.]+/[\w/.]*)`", HOUSE) if "NAME" not in name}
    assert len(named) >= 20
    assert [name for name in named if not any((root / name).exists() for root in (PACKAGE, REPOSITORY))] == []
    for limit in (f"{MAX_DEPTH} modules", f"{MAX_FILES} files", f"{MAX_LINES} lines"):
        assert limit in HOUSE


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
            NOTEBOOK_PACKAGES | HEAVY_PACKAGES | {"aiosqlite", "asyncio", "httpx", "msgspec", "sqlite3"},
            id="import langswarm_nb",
        ),
        pytest.param(
            "import langswarm_nb.core.session",
            NOTEBOOK_PACKAGES | HEAVY_PACKAGES | SELDOM_NEEDED,
            id="import langswarm_nb.core.session",
        ),
        pytest.param(
            "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
            "shell = Shell.instance(); before = set(sys.modules)\n"
            "shell.run_line_magic('load_ext', 'langswarm_nb')\n"
            "assert 'langswarm' in shell.magics_manager.magics['cell']",
            HEAVY_PACKAGES
            | SELDOM_NEEDED
            | {"anywidget", "ipykernel", "ipywidgets", "nest_asyncio", "nest_asyncio2"}
            | {
                "aiohttp",
                "httpx",
                "msgspec",
                "langswarm_nb.notebook.commands",
                "langswarm_nb.notebook.asking.options",
            },
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
