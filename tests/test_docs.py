"""What the documents say is true: snippets run, versions and numbers agree."""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from itertools import count

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

import langswarm_nb
from langswarm_nb.core import session
from scripts import check, public_types
from scripts.site import markdown
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S

README = (REPOSITORY / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


def test_the_readme_shows_code():
    """The example is found by this test, so that the next one checks something."""
    assert len(SNIPPETS) >= 2


@pytest.mark.kernel
def test_the_readme_runs_as_written(monkeypatch, tmp_path):
    """Every Python block of the README is a cell; they run offline, in order, in a fresh kernel."""
    monkeypatch.setenv("LANGSWARM_DB_PATH", str(tmp_path / "sessions.db"))
    cells = [nbformat.v4.new_code_cell(snippet.rstrip("\n")) for snippet in SNIPPETS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.execution_count for cell in notebook.cells)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_readme_is_valid_python(snippet):
    """Each block of the README is a cell that IPython can read."""
    read_block("python", snippet)


def test_the_changelog_has_this_version():
    """A version is released with a word on what it brings."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert langswarm_nb.__version__ in versions


def test_decisions_are_numbered_without_gaps():
    """Each decision has the next number, and its title repeats it."""
    for number, path in zip(count(1), DECISIONS, strict=False):
        assert path.name.startswith(f"{number:04}-")
        assert path.read_text("utf-8").startswith(f"# {number:04} ")


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())


@each_page
def test_links_lead_somewhere(page):
    """A relative link in a document names a file of the repository, and a place in it that is there."""
    text = page.read_text("utf-8")
    dead = []
    for link in markdown.links(text):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if link.startswith(("http:", "https:")):
            continue
        if not target.exists() or (anchor and anchor not in markdown.anchors(target.read_text("utf-8"))):
            dead.append(link)
    assert dead == []


@each_page
def test_code_can_be_read(page):
    """Each block of Python, of a cell, of TOML and JSON in a document is one."""
    unread = []
    for block in markdown.blocks(page.read_text("utf-8")):
        try:
            read_block(block.language, block.code)
        except (SyntaxError, ValueError) as error:
            unread.append((block.line, str(error)))
    assert unread == []


def read_block(language, code):
    if language in ("python", "ipython"):
        cell = TransformerManager().transform_cell(code)
        compile(cell, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    elif language == "toml":
        tomllib.loads(code)
    elif language == "json":
        json.loads(code)
    elif language not in ("sh", "text", "diff", "", "yaml"):
        raise ValueError(f"nobody checks {language!r}")


def test_an_address_of_the_repository_is_its_address():
    """Badges, pages and the recipe name the repository and the site as pyproject.toml does."""
    urls = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    owner, name = urls["Repository"].removeprefix("https://github.com/").split("/")
    files = [*PAGES, REPOSITORY / "pyproject.toml", REPOSITORY / "recipe" / "recipe.yaml"]
    named = re.compile(
        r"(?:github\.com|githubusercontent\.com|binder\.org/v2/gh|/github)/([\w-]+)/(langswarm-nb)\b"
    )
    found = [match.groups() for file in files for match in named.finditer(file.read_text("utf-8"))]
    assert len(found) > 5
    assert set(found) == {(owner, name)}
    assert urls["Documentation"] == f"https://{owner}.github.io/{name}/"


def test_badges_open_files_that_are_there():
    """What Binder and Colab are asked to open is in the repository, and Binder knows what to install."""
    opened = re.findall(r"(?:lab/tree|blob/main)/([\w./-]+)\)", README)
    assert len(opened) == 2
    assert [file for file in opened if not (REPOSITORY / file).is_file()] == []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    [extras] = re.findall(
        r"^\.\[([\w,]+)\]$", (REPOSITORY / "binder" / "requirements.txt").read_text("utf-8"), re.MULTILINE
    )
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_the_readme_moves():
    """Its picture is an animation, and small enough to be waited for."""
    [picture] = [link for link in markdown.links(README) if link.endswith(".webp")]
    data = (REPOSITORY / picture).read_bytes()
    assert b"ANIM" in data[:64]
    assert len(data) < 1_000_000


def test_commands_in_the_documents_exist():
    """Each `make` command that a document names is one that `make help` lists."""
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z0-9-]+):.*##", makefile, flags=re.MULTILINE))
    pages = README + (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", pages)) <= known


def test_everybody_is_told_to_install_the_same():
    """Who works without make, and the CI, get the extras that `make` installs; no test is left out for want of one."""
    extras = re.findall(r"^EXTRAS := (\S+)", (REPOSITORY / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    pages = [REPOSITORY / "CONTRIBUTING.md", REPOSITORY / ".github" / "workflows" / "ci.yml"]
    named = [re.findall(r'--editable "\.\[(\S+?)\]"', page.read_text("utf-8")) for page in pages]
    assert named == [extras, extras]


def test_contributors_are_told_the_floors():
    """CONTRIBUTING names the floors that the checks have."""
    contributing = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    assert f"at least {check.COVERAGE_FLOOR} %" in contributing
    assert f"At least {public_types.FLOOR:.0%}".replace("%", " %") in contributing


def test_an_extra_named_in_the_readme_can_be_installed():
    """`langswarm-nb[extra]` names an extra of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    named = {extra for group in re.findall(r"langswarm-nb\[(.+?)\]", README) for extra in group.split(",")}
    assert named <= set(project["optional-dependencies"])


def test_every_public_name_of_the_library_has_words():
    """Each exported class and function, and each public method, says what it is for."""
    silent = []
    for name in session.__all__:
        value = getattr(session, name)
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        members = inspect.getmembers(value) if inspect.isclass(value) else []
        ours = [(member, m) for member, m in members if not member.startswith("_") and _is_ours(m)]
        silent += [f"{name}.{member}" for member, m in ours if not inspect.getdoc(m)]
        silent += [] if inspect.getdoc(value) else [name]
    assert silent == []


def _is_ours(member):
    function = member.fget if isinstance(member, property) else member
    return (getattr(function, "__module__", None) or "").startswith("langswarm_nb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_clean(path):
    """A tutorial is a valid notebook, run in order, with no error and no path of the author's machine."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
    assert not re.search(r"/(home|root|Users|tmp|work)/", path.read_text("utf-8"))
