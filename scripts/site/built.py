"""What is wrong with a built site: links that lead nowhere, what another host would have to send, names of machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADS = {
    ("iframe", "src"),
    ("img", "src"),
    ("link", "href"),
    ("script", "src"),
    ("source", "srcset"),
    ("video", "src"),
}
_HERE = {"canonical", "alternate"}
"""Relations of a ``link`` that load nothing."""
_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|tmp|work)/\w")
_ASKS_HOST = 'data-md-component="source"'
_STYLE_URL = re.compile(r"url\(\s*['\"]?(https?:)?//|@import\s+(?:url\()?['\"]?https?:")


class _Reader(HTMLParser):
    """Collects what a page links to, what it loads, and the places that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        for name, value in values.items():
            if (tag, name) in _LOADS and values.get("rel") not in _HERE:
                self.loads.append(value)
            elif tag == "a" and name == "href":
                self.links.append(value)


def problems(site: Path) -> list[str]:
    """Return what is wrong with the files of a site, a line each."""
    pages = {file: _read(file) for file in sorted(site.rglob("*.html")) if file.name != "404.html"}
    places = {file.resolve(): page.places for file, page in pages.items()}
    found: list[str] = []
    for file, page in pages.items():
        name = file.relative_to(site).as_posix()
        text = file.read_text("utf-8")
        found += [
            f"{name} loads {address} from another host" for address in page.loads if _is_foreign(address)
        ]
        if _ASKS_HOST in text:
            found.append(f"{name} asks the code host for its stars, by the theme's script")
        found += [f"{name} names a place of a machine: {match[0]}" for match in _MACHINE.finditer(text)]
        found += [f"{name} links to {link}, which is not there" for link in _dead(file, page, places)]
    for file in sorted(site.rglob("*.css")):
        if _STYLE_URL.search(file.read_text("utf-8")):
            found.append(f"{file.relative_to(site).as_posix()} loads from another host")
    return found


def missing(site: Path, paths: Iterable[str]) -> list[str]:
    """Return the pages that the generator did not write."""
    return [f"{path} became no page" for path in paths if not html_of(site, path).is_file()]


def html_of(site: Path, path: str) -> Path:
    """Return the file of the page that a Markdown file becomes."""
    plain = path.removesuffix(".md")
    return site / "index.html" if plain == "index" else site / plain.removesuffix("/index") / "index.html"


def _read(file: Path) -> _Reader:
    reader = _Reader()
    reader.feed(file.read_text("utf-8"))
    return reader


def _is_foreign(address: str) -> bool:
    return urlsplit(address).netloc != ""


def _dead(file: Path, page: _Reader, places: Mapping[Path, set[str]]) -> Iterator[str]:
    """Yield the links to files, or to places of pages, that are not there."""
    for link in dict.fromkeys([*page.links, *(load for load in page.loads if not _is_foreign(load))]):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link in ("", "#"):
            continue
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file.resolve()
        target = target / "index.html" if target.is_dir() else target
        wanted = unquote(parts.fragment)
        if not target.exists() or (wanted and target in places and wanted not in places[target]):
            yield link
