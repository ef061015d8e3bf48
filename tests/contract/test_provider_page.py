"""The page on providers names all of them, with the variables that they read."""

from __future__ import annotations

import re

import pytest

from langswarm_nb.core.session import ProviderAuthenticationError, create_provider_session
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS
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
