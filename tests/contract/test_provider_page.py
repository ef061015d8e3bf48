"""The page on providers names all of them, with the variables that they read."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from langswarm_nb.core.session import ProviderAuthenticationError, create_provider_session
from langswarm_nb.core.session.parts.twins import size_text
from langswarm_nb.core.session.provider_events import Route
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS
from langswarm_nb.core.session.providers.intakes import INTAKES, NATIVE, OFFICE
from langswarm_nb.core.session.providers.schema_routes import ROUTES, without_tool
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "providers.md").read_text("utf-8")
NAMES, VERIFIED = (
    PAGE.split(f"## {title}\n")[1].split("\n## ")[0] for title in ("Names and keys", "How it was verified")
)


def names_in(table: str) -> set[str]:
    """Return the words in the first column of a table, with or without code marks."""
    first = re.findall(r"^\| ([^|]+) \|", table, flags=re.MULTILINE)
    return {name.strip("` ") for cell in first for name in cell.split(",")}


def test_every_provider_is_on_the_page() -> None:
    """With its key and address, and with how it was verified."""
    assert names_in(NAMES) >= set(PROVIDERS)
    assert names_in(VERIFIED) >= set(PROVIDERS) - OFFLINE_PROVIDERS


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_variable_is_on_the_page(name: str) -> None:
    """For each provider, those of its key, its token and its address."""
    row = next(line for line in NAMES.splitlines() if line.startswith("|") and f"`{name}`" in line)
    provider = PROVIDERS[name]
    wanted = {*provider.key_variables, *provider.url_variables, provider.token_variable} - {None}
    assert set(re.findall(r"`([A-Z_]+)`", row)) >= wanted


@pytest.mark.parametrize(
    "name", ["openai", "openai-chat", "anthropic", "gemini", "mistral", "cohere", "groq"]
)
def test_a_key_is_read_from_the_variables_on_the_page(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is enough, and without any the error names the first."""
    row = next(line for line in NAMES.splitlines() if line.startswith("|") and f"`{name}`" in line)
    variables = re.findall(r"`([A-Z_]+(?:KEY|TOKEN))`", row)
    if name == "groq":
        variables = ["GROQ_API_KEY"]
    with pytest.raises(ProviderAuthenticationError, match=variables[0]):
        create_provider_session(name, None)
    for variable in variables:
        with monkeypatch.context() as patch:
            patch.setenv(variable, "key-of-no-account")
            assert create_provider_session(name, None).name == name


CARRIED = PAGE.split("## What a message may carry\n")[1].split("\n## ")[0]
ADDRESSES = (
    {"type": "image", "url": "https://x.example/a.png"},
    {"type": "file", "url": "https://x.example/a.pdf"},
)
KINDS = ("image/png", "application/pdf", OFFICE[0], "audio/mpeg")


NONE = "\u2013"


def cells_of(name: str) -> list[str]:
    """Return what the code says of a provider, as the page has it."""
    provider, _, native = name.partition(" ")
    rows = [row.intake for row in (NATIVE if native else INTAKES)[provider]]
    taken = [mark([row.takes(kind) for row in rows]) for kind in KINDS]
    taken += [mark([row.takes_address(part) for row in rows]) for part in ADDRESSES]
    limit = size_text(rows[-1].max_bytes) if rows[-1].max_bytes else "not known"
    limit += f", {rows[-1].max_images} images" if rows[-1].max_images else ""
    tools = dict.fromkeys(tool for row in rows for tool in row.tools)
    return [*taken, limit, ", ".join(f"`{tool}`" for tool in tools) or NONE]


def mark(taken: list[bool]) -> str:
    """Return whether most models take something, whom the last row is for, or some."""
    return "✓" if taken[-1] else "some models" if any(taken) else NONE


def test_the_page_says_what_each_provider_takes() -> None:
    """Kinds, addresses, limits and tools of each, as the table in the code has them."""
    rows = [line.strip("| ").split(" | ") for line in CARRIED.splitlines() if line.startswith("| `")]
    told = {name.strip("` ").replace("`", ""): cells for names, *cells in rows for name in names.split(",")}
    assert told.keys() == {*INTAKES, *(f"{name} native" for name in NATIVE)} - OFFLINE_PROVIDERS
    assert told == {name: cells_of(name) for name in told}


ASKED = PAGE.split("## Answers of a schema\n")[1].split("\n## ")[0]


def routes_of(name: str) -> list[str]:
    """Return what the code says of how a provider's models can be asked, as the page has it."""
    provider, _, native = name.partition(" ")
    asked = [without_tool(row.asking) if native else row.asking for row in ROUTES[provider]]
    marks = [mark([route in one.routes for one in asked]) for route in get_args(Route)]
    last = asked[-1].routes if asked[-1].routes_with_tools is None else asked[-1].routes_with_tools
    has_tools = any(
        row.intake.tools for row in (NATIVE if native else INTAKES).get(provider, INTAKES[provider])
    )
    return [*marks, ", ".join(last) if has_tools else NONE, mark([one.is_told_schema for one in asked])]


def test_the_page_says_how_each_provider_is_asked_for_a_schema() -> None:
    """Routes, routes beside tools, and who is told it twice, as the table in the code has them."""
    rows = [line.strip("| ").split(" | ") for line in ASKED.splitlines() if line.startswith("| `")]
    told = {name.strip("` ").replace("`", ""): cells for names, *cells in rows for name in names.split(",")}
    assert told.keys() == {*ROUTES, "openai native", "gemini native", "mistral native"} - OFFLINE_PROVIDERS
    assert told == {name: routes_of(name) for name in told}
