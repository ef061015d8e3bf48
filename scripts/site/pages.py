"""Which pages the site has, where each comes from, and under which heading it stands."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from . import api, markdown, notebooks, reference

ROOT = Path(__file__).resolve().parents[2]
GUIDES_FIRST = (
    "start",
    "models",
    "prompts",
    "attachments",
    "structured",
    "conversations",
    "panel",
    "analysis",
    "library",
)
"""Guides in the order of a reader's days; a guide that is not here follows them, by its name."""
IMAGES = "images"
"""Folder of the pictures, on the site."""


@dataclass(frozen=True)
class Page:
    """One page of the site."""

    section: str
    path: str
    """On the site, such as ``guide/analysis.md``."""
    text: Callable[[], str]
    """Returns its Markdown, with links as they are in ``source``."""
    source: str
    """The file of the repository that it is, or that its links start from."""
    rich: Callable[[], str] | None = None
    """Returns Markdown with HTML in it, where the page shows more than its Markdown can."""
    files: Callable[[], Mapping[str, bytes]] = dict
    """Returns the pictures that belong to it, by their place on the site."""


def all_pages(root: Path = ROOT) -> list[Page]:
    """Return the pages in the order of the navigation."""
    docs = root / "docs"
    return [
        _file("Start", "index.md", docs / "index.md", root),
        *(_file("Guide", f"guide/{guide.name}", guide, root) for guide in guides(root)),
        _made("Notebooks", "notebooks/index.md", lambda: _notebooks_page(root), source="notebooks/index.md"),
        *(_notebook(file, root) for file in sorted((root / "notebooks").glob("*.ipynb"))),
        _made("Reference", "reference/cell.md", reference.cell_page),
        _made("Reference", "reference/commands.md", reference.commands_page),
        _made("Reference", "reference/settings.md", reference.settings_page),
        _made("Reference", "reference/panel.md", reference.panel_page),
        _file("Reference", "reference/providers.md", docs / "providers.md", root),
        _file("Reference", "reference/public.md", docs / "public.md", root),
        _file("Reference", "reference/performance.md", docs / "performance.md", root),
        *(_made("API", f"api/{name}.md", partial(api.module_page, name)) for name in api.modules()),
        _file("Project", "project/changelog.md", root / "CHANGELOG.md", root),
        _file("Project", "project/contributing.md", root / "CONTRIBUTING.md", root),
        _file("Project", "project/security.md", root / "SECURITY.md", root),
        _file("Project", "project/house.md", docs / "house.md", root),
        _file("Project", "project/panel.md", docs / "panel.md", root),
        _made(
            "Decisions", "decisions/index.md", lambda: _decisions_page(root), source="docs/decisions/index.md"
        ),
        *(
            _file("Decisions", f"decisions/{file.name}", file, root)
            for file in sorted((docs / "decisions").glob("*.md"))
        ),
    ]


def guides(root: Path = ROOT) -> list[Path]:
    """Return all files of ``docs/guide``, those that everybody needs first."""
    files = {file.stem: file for file in sorted((root / "docs" / "guide").glob("*.md"))}
    known = [files.pop(name) for name in GUIDES_FIRST if name in files]
    return [*known, *files.values()]


@cache
def addresses() -> dict[str, str]:
    """Return the addresses that ``pyproject.toml`` gives: ``Repository``, ``Documentation`` and others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return dict(project["urls"])


def _file(section: str, path: str, file: Path, root: Path) -> Page:
    return Page(section, path, lambda: file.read_text("utf-8"), file.relative_to(root).as_posix())


def _made(section: str, path: str, make: Callable[[], str], source: str | None = None) -> Page:
    return Page(section, path, make, source or f"docs/{path}")


def _notebook(file: Path, root: Path) -> Page:
    name = file.stem
    return Page(
        "Notebooks",
        f"notebooks/{name}.md",
        lambda: notebooks.plain(file),
        file.relative_to(root).as_posix(),
        lambda: notebooks.rich(file),
        lambda: {f"notebooks/{name}": data for name, data in notebooks.files(file).items()},
    )


def _notebooks_page(root: Path) -> str:
    files = sorted((root / "notebooks").glob("*.ipynb"))
    lines = [
        f"- [{markdown.title(text)}]({file.name}): {markdown.first_sentence(text)}"
        for file in files
        for text in [notebooks.plain(file)]
    ]
    return "\n".join(["# Notebooks", "", "With the outputs of an offline run.", "", *lines, ""])


def _decisions_page(root: Path) -> str:
    files = sorted((root / "docs" / "decisions").glob("*.md"))
    lines = [f"- [{markdown.title(file.read_text('utf-8'))}]({file.name})" for file in files]
    return "\n".join(
        [
            "# Decisions",
            "",
            "Why things are as they are: each page has the problem, the facts, the choice, and what was given up.",
            "",
            *lines,
            "",
        ]
    )


class Links:
    """Turns the links of the repository's files into links of the site."""

    def __init__(self, pages: list[Page], root: Path = ROOT) -> None:
        self._root = root
        self._places = {page.source: page.path for page in pages}
        self._places |= {"README.md": "index.md", "docs/decisions": "decisions/index.md"}
        self._places["notebooks"] = "notebooks/index.md"

    def on_site(self, page: Page, text: str) -> str:
        """Return the text of a page with links that hold on the site.

        Raises
        ------
        ValueError
            A link leads to no file of the repository.
        """
        own = page.files()
        return markdown.relinked(text, lambda target: self._target(page, own, target))

    def _target(self, page: Page, own: Mapping[str, bytes], target: str) -> str:
        if target.startswith(addresses()["Documentation"]):
            return self._own(page, target)
        if target.startswith(("http:", "https:", "mailto:", "data:", "#")):
            return target
        name, mark, anchor = target.partition("#")
        here = posixpath.dirname(page.path)
        if posixpath.join(here, name) in own:
            return target
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), name))
        place = self._places.get(wanted)
        if place is None and wanted.startswith(f"docs/{IMAGES}/"):
            place = wanted.removeprefix("docs/")
        if place is not None:
            return posixpath.relpath(place, here or ".") + mark + anchor
        kind = "tree" if (self._root / wanted).is_dir() else "blob"
        if wanted.startswith("..") or not (self._root / wanted).exists():
            raise ValueError(
                f"{page.source} links to {target!r}, which is neither a page nor a file of the repository."
            )
        return f"{addresses()['Repository']}/{kind}/main/{wanted}{mark}{anchor}"

    def _own(self, page: Page, address: str) -> str:
        """Return an address of this site, as pages write it that are also read elsewhere, as a link on it."""
        name, mark, anchor = address.removeprefix(addresses()["Documentation"]).partition("#")
        wanted = f"{name.strip('/') or 'index'}.md"
        if wanted not in self._places.values():
            raise ValueError(f"{page.source} links to {address}, which is no page of the site.")
        return posixpath.relpath(wanted, posixpath.dirname(page.path) or ".") + mark + anchor


def staged(pages: list[Page], root: Path = ROOT) -> Iterator[tuple[Page, str, str]]:
    """Yield each page with its Markdown and with what the generator gets, both with links of the site."""
    links = Links(pages, root)
    for page in pages:
        texts = [page.text()] if page.rich is None else [page.text(), page.rich()]
        plain, *rich = [links.on_site(page, markdown.plain_fences(text)) for text in texts]
        yield page, plain, rich[0] if rich else plain
