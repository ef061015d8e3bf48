"""`docs/public.md` says what is public: it is all there, and the documents teach nothing else."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import nbformat
import pytest

from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "public.md").read_text("utf-8")
MODULES = re.findall(r"^\| `(langswarm_nb[\w.]*)` \|", PAGE, flags=re.MULTILINE)
GUIDES = [
    REPOSITORY / "README.md",
    *(path for path in sorted((REPOSITORY / "docs").rglob("*.md")) if path.parent.name != "decisions"),
]


def test_the_page_lists_modules():
    """The table is found by this test, so that the next ones check something."""
    assert len(MODULES) > 10
    assert sorted(set(MODULES)) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_of_it_is_public(name):
    """Its `__all__` is sorted, each name in it is there, and each class and function has words."""
    module = import_module(name)
    assert sorted(module.__all__) == list(module.__all__)
    values = {key: getattr(module, key) for key in module.__all__}
    told = {key: value for key, value in values.items() if inspect.isclass(value) or inspect.isroutine(value)}
    assert [key for key, value in told.items() if not inspect.getdoc(value)] == []


def imports_in(text):
    """Yield module and name of each `from … import …` of ours, and of each `import …`."""
    for module, names in re.findall(
        r"^\s*from (langswarm_nb[\w.]*) import \(?([\w, ]+)", text, flags=re.MULTILINE
    ):
        yield from ((module, name.split(" as ")[0].strip()) for name in names.split(",") if name.strip())
    for module in re.findall(r"^\s*import (langswarm_nb[\w.]*)", text, flags=re.MULTILINE):
        yield module, None


def pages():
    yield from ((path.name, path.read_text("utf-8")) for path in GUIDES)
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        yield path.name, "\n".join(cell.source for cell in cells)


def test_documents_import_what_is_public():
    """Who builds on what the README, the guides and the notebooks show builds on what stays."""
    found = {(page, *entry) for page, text in pages() for entry in imports_in(text)}
    assert len(found) > 10
    private = [
        (page, module, name)
        for page, module, name in found
        if f"{module}.{name}" not in MODULES
        and not (module in MODULES and (name is None or name in import_module(module).__all__))
    ]
    assert private == []


def test_environment_variables_on_the_page_are_read():
    """A variable that the page names is one that the package looks at."""
    sources = "\n".join(path.read_text("utf-8") for path in (REPOSITORY / "langswarm_nb").rglob("*.py"))
    named = re.findall(r"LANGSWARM_[A-Z]+", PAGE)
    assert named
    assert [name for name in named if f'"{name}"' not in sources] == []
