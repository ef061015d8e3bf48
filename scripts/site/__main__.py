"""Build the site: ``python -m scripts.site`` leaves it in ``build/site``; ``make site`` installs what it needs first.

Nothing is fetched. A link that leads nowhere, a page that is in no navigation, and anything that a browser would
load from another host end the build.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from langswarm_nb import __version__

from . import built, markdown
from .pages import IMAGES, ROOT, Page, addresses, all_pages, staged

BUILD = ROOT / "build"
PAGES, SITE = BUILD / "pages", BUILD / "site"
THEME = Path(__file__).parent / "theme"
DESCRIPTION = (
    "Talk to language models from a Jupyter cell, and keep, branch, search and analyse every conversation."
)


def build() -> list[str]:
    """Build the site and return what is wrong with it."""
    if find_spec("zensical") is None:
        sys.exit("The generator is not installed: `make site`, or `pip install --group site`.")
    for folder in (PAGES, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    pages = all_pages()
    twins = {page.path: plain for page, plain, _ in _stage(pages)}
    config = BUILD / "zensical.toml"
    config.write_text(configuration(pages), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(config)],
        cwd=BUILD,
        check=False,
    )
    if done.returncode != 0:
        return ["the generator stopped"]
    for path, text in twins.items():
        (SITE / path).write_text(text, "utf-8")
    (SITE / "llms.txt").write_text(llms_txt(pages, twins), "utf-8")
    return [*built.problems(SITE), *built.missing(SITE, [page.path for page in pages])]


def _stage(pages: list[Page]) -> list[tuple[Page, str, str]]:
    """Lay the pages and their files out for the generator."""
    done = list(staged(pages))
    for page, _, rich in done:
        file = PAGES / page.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"---\ntwin: {page.path}\n---\n\n{rich}", "utf-8")
        for place, data in page.files().items():
            (PAGES / place).write_bytes(data)
    shutil.copytree(ROOT / "docs" / IMAGES, PAGES / IMAGES)
    shutil.copytree(THEME / "assets", PAGES / "assets", dirs_exist_ok=True)
    return done


def configuration(pages: list[Page]) -> str:
    """Return the generator's settings, with the navigation that the pages make."""
    sections: dict[str, list[Page]] = {}
    for page in pages:
        sections.setdefault(page.section, []).append(page)
    nav = [
        f"  {{ {json.dumps(name)} = {_entries(members)} }},"
        if name != "Start"
        else '  { "Start" = "index.md" },'
        for name, members in sections.items()
    ]
    template = (THEME / "zensical.toml").read_text("utf-8")
    values = {
        "@NAV@": "\n".join(nav),
        "@DESCRIPTION@": DESCRIPTION,
        "@REPOSITORY@": addresses()["Repository"],
        "@THEME@": (THEME / "overrides").as_posix(),
        "@VERSION@": __version__,
    }
    for mark, value in values.items():
        template = template.replace(mark, value)
    return template


def _entries(pages: list[Page]) -> str:
    return (
        "[" + ", ".join(f"{{ {json.dumps(_label(page))} = {json.dumps(page.path)} }}" for page in pages) + "]"
    )


def _label(page: Page) -> str:
    title = markdown.title(page.text())
    return title.removeprefix("langswarm_nb.") if page.section == "API" else title


def llms_txt(pages: list[Page], twins: dict[str, str]) -> str:
    """Return the list of the Markdown twins for a reader that is a program, as llmstxt.org describes it."""
    lines = ["# langswarm_nb", "", f"> {DESCRIPTION}", ""]
    section = ""
    for page in pages:
        if page.section != section:
            section = page.section
            lines += [*([""] if lines[-1] else []), f"## {section}", ""]
        told = markdown.first_sentence(twins[page.path])
        lines.append(f"- [{markdown.title(twins[page.path])}]({page.path})" + (f": {told}" if told else ""))
    return "\n".join(lines) + "\n"


def _main() -> int:
    argparse.ArgumentParser(description="Build the site.").parse_args()
    problems = build()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        place = SITE.relative_to(ROOT)
        print(f"left {place}; `python -m http.server --directory {place}` shows it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
