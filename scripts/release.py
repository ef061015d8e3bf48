"""Tell what a release brings: ``python -m scripts.release v0.2.0`` prints the section of the changelog.

It fails when the tag is not the version of the package, or the changelog has no dated section for it, so that
nothing is published that was not meant to be.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from langswarm_nb import __version__

ROOT = Path(__file__).resolve().parents[1]
CHANGELOG, PROJECT = ROOT / "CHANGELOG.md", ROOT / "pyproject.toml"
PLACEHOLDER = "OWNER"
"""Stands in the addresses of ``pyproject.toml`` and of the pages for the account that publishes."""


class ReleaseError(ValueError):
    """What was tagged cannot be released."""


def notes_for(tag: str, version: str, changelog: str) -> str:
    """Return the section of a changelog that belongs to a tag, without its heading.

    Raises
    ------
    ReleaseError
        The tag is not the version, or the section is missing, not dated or empty.
    """
    if tag != f"v{version}":
        raise ReleaseError(
            f"The tag {tag!r} is not 'v' and the version {version!r}. Set the version in langswarm_nb/_version.py, "
            "commit, and tag that commit."
        )
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"[{version}]")), None)
    if section is None:
        raise ReleaseError(f"CHANGELOG.md has no section [{version}]. Rename the section [Unreleased].")
    heading, _, notes = section.partition("\n")
    if not re.fullmatch(r"\[.+\] - \d{4}-\d\d-\d\d", heading.strip()):
        raise ReleaseError(f"The heading '## {heading}' has no date. Write '## [{version}] - YYYY-MM-DD'.")
    if not notes.strip():
        raise ReleaseError(f"The section [{version}] of CHANGELOG.md is empty. Tell what the version brings.")
    return notes.strip() + "\n"


def check_addresses(project: str) -> None:
    """Make sure that the package says where it comes from.

    Raises
    ------
    ReleaseError
        An address in the text of ``pyproject.toml`` still has the placeholder.
    """
    if f"/{PLACEHOLDER}" in project:
        raise ReleaseError(
            f"pyproject.toml has {PLACEHOLDER} in its addresses. Put the account there, and wherever "
            f"`git grep -l {PLACEHOLDER}` finds it."
        )


def _main() -> int:
    parser = argparse.ArgumentParser(
        description="Print the release notes of a tag, or say why there are none."
    )
    parser.add_argument("tag", help="v and the version, such as v0.2.0")
    try:
        check_addresses(PROJECT.read_text("utf-8"))
        notes = notes_for(parser.parse_args().tag, __version__, CHANGELOG.read_text("utf-8"))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a stream of this process
    sys.stdout.write(notes)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
