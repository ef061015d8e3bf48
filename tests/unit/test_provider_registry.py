"""Providers by name: ours, those of other packages, and what is said of a name that is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import errors, providers
from langswarm_nb.core.session.providers import create_provider, parse_model_id, provider_names

ACME = """
from langswarm_nb.core.session.provider_events import Delta, Finish
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason

class AcmeProviderSession(IProviderSession):
    name = "acme"

    def __init__(self, api_key=None, *, shout=False):
        self.api_key, self.shout = api_key, shout

    async def stream(self, request):
        yield Delta("Hi")
        yield Finish(FinishReason.STOP)
"""
ENTRY_POINTS = """
[langswarm_nb.providers]
acme = acme_provider:AcmeProviderSession
broken = no_such_module_anywhere:Nothing
mock = no_such_module_anywhere:Thief
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that brings providers, for the length of a test."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "acme_provider.py").write_text(ACME)
    monkeypatch.syspath_prepend(str(tmp_path))
    providers._entry_points.cache_clear()
    yield
    sys.modules.pop("acme_provider", None)
    providers._entry_points.cache_clear()


def test_a_provider_of_another_package_is_found_by_name(installed: None) -> None:
    """Its key and options reach it; misspelt ones do not."""
    assert "acme" in provider_names()
    acme: Any = create_provider("acme", "the key", shout=True)
    assert (type(acme).__name__, acme.api_key, acme.shout) == ("AcmeProviderSession", "the key", True)
    assert parse_model_id("acme:rocket/2") == ("acme", "rocket/2")
    with pytest.raises(errors.SessionValueError, match=r"'shot'.*Did you mean 'shout'"):
        create_provider("acme", shot=True)


def test_a_package_that_cannot_be_loaded_is_named(installed: None) -> None:
    """The others go on working."""
    with pytest.raises(errors.SessionError, match=r"'acme'.*no_such_module_anywhere"):
        create_provider("broken")
    assert create_provider("acme").name == "acme"


def test_no_package_takes_a_name_of_ours(installed: None) -> None:
    """A key meant for a service does not go to whoever claims its name."""
    assert type(create_provider("mock")).__name__ == "MockProviderSession"


@pytest.mark.parametrize(
    "text, default, result",
    [
        ("mock:echo", None, ("mock", "echo")),
        ("mock/echo", None, ("mock", "echo")),
        (" Mock:echo ", None, ("mock", "echo")),
        ("openrouter:meta-llama/llama-3:free", None, ("openrouter", "meta-llama/llama-3:free")),
        ("openrouter/meta-llama/llama-3", None, ("openrouter", "meta-llama/llama-3")),
        ("llama3:8b", "vllm", ("vllm", "llama3:8b")),
        ("meta-llama/llama-3", "vllm", ("vllm", "meta-llama/llama-3")),
        ("gpt-4o", "mock", ("mock", "gpt-4o")),
        ("https://x.example/m", "vllm", ("vllm", "https://x.example/m")),
    ],
)
def test_a_model_is_named_with_its_provider(text: str, default: str | None, result: tuple[str, str]) -> None:
    """The first word is a provider only when it names one."""
    assert parse_model_id(text, default_provider=default) == result


@pytest.mark.parametrize("text", ["", " ", "gpt-4o", "mok:echo", "mock", "mock:", ":", "nobody/model"])
def test_a_model_without_a_provider_is_refused(text: str) -> None:
    """The error lists the providers."""
    with pytest.raises(errors.SessionValueError, match="openrouter"):
        parse_model_id(text)


@pytest.mark.parametrize("value", [None, 5, b"mock:echo"])
def test_a_model_is_text(value: Any) -> None:
    """Other types are refused as such."""
    with pytest.raises(errors.SessionTypeError, match="model"):
        parse_model_id(value)


@pytest.mark.parametrize("name", ["opnrouter", "", "MOCK!", "mock\n:"])
def test_an_unknown_provider_is_answered_with_those_there_are(name: str) -> None:
    """And with the nearest, when there is one."""
    with pytest.raises(errors.SessionValueError, match="'openrouter'") as caught:
        create_provider(name)
    assert ("Did you mean 'openrouter'?" in str(caught.value)) == (name == "opnrouter")


@pytest.mark.parametrize("arguments", [(5,), (None,), ("mock", 5), ("mock", b"key")])
def test_names_and_keys_are_text(arguments: tuple[Any, ...]) -> None:
    """Other types are refused as such."""
    with pytest.raises(errors.SessionTypeError):
        create_provider(*arguments)


def test_names_cost_no_import_of_their_providers() -> None:
    """Asking what there is loads no HTTP library; making the mock neither."""
    code = (
        "import sys; from langswarm_nb.core.session.providers import provider_names, create_provider;"
        "provider_names(); create_provider('mock'); print({'httpx', 'aiohttp', 'ssl'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.strip()
    assert "httpx" not in loaded
    assert "aiohttp" not in loaded


@pytest.mark.parametrize("name", provider_names())
def test_every_provider_can_be_made_or_says_what_it_needs(name: str) -> None:
    """Without a key: it works, or it names what is missing."""
    try:
        provider = create_provider(name)
    except errors.ProviderAuthenticationError as error:
        assert "_KEY" in str(error)  # noqa: PT017 - what is caught is one of two good outcomes
    except errors.SessionValueError as error:
        assert "base_url" in str(error)  # noqa: PT017
    else:
        assert provider.name == name
