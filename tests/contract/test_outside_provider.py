"""A provider of another package: the documented one, installed as its page says, held to the promises."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    ProviderAuthenticationError,
    ProviderRequestError,
    SessionManager,
    SessionMessage,
    SessionValueError,
    StreamInterruptedError,
    create_provider_session,
    create_session_manager,
)
from langswarm_nb.core.session import providers as registry
from tests.support.faulty import FaultyServer, Reply
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "providers.md").read_text("utf-8")
CODE = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[0]
ENTRY_POINT = re.findall(
    r"^```toml\n\[project\.entry-points\.\"(.+?)\"\]\n(.+?)\n```", PAGE, flags=re.MULTILINE
)[0]
KEY = "canary-Zk8QvT3mXw9LbR5nYp2HdJ7s"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install the page's package as pip would leave it, and return its provider's name."""
    folder = tmp_path / "site"
    about = folder / "acme_langswarm-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "acme_langswarm.py").write_text(CODE, "utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-langswarm\nVersion: 1.0\n", "utf-8")
    group, line = ENTRY_POINT
    # In the metadata of an installed package the name is not quoted and the value neither.
    (about / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n", "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    registry._entry_points.cache_clear()
    yield "acme"
    registry._entry_points.cache_clear()
    sys.modules.pop("acme_langswarm", None)


def lines(*bodies: object) -> Reply:
    body = "".join(json.dumps(body) + "\n" for body in bodies).encode()
    return Reply.events(body, headers={"content-type": "application/x-ndjson"})


def test_the_page_shows_it_in_under_forty_lines() -> None:
    """Short enough to be read in one go."""
    assert len(CODE.splitlines()) < 40


def test_it_is_found_by_its_name(acme: str) -> None:
    """Installing the package is all; the name can stand before a model's."""
    assert acme in registry.provider_names()
    assert registry.parse_model_id("acme:large") == ("acme", "large")
    assert create_provider_session(acme, KEY).name == "acme"


def test_it_has_the_manners_of_the_others(acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key, a misspelt option and an address that is not allowed are errors at once."""
    with pytest.raises(ProviderAuthenticationError, match="ACME_API_KEY"):
        create_provider_session(acme, None)
    with pytest.raises(SessionValueError, match="base_url"):
        create_provider_session(acme, KEY, bas_url="https://x.example")
    with pytest.raises(SessionValueError, match="not allowed"):
        create_provider_session(acme, KEY, base_url="http://x.example")
    monkeypatch.setenv("ACME_API_KEY", KEY)
    assert KEY not in repr(vars(create_provider_session(acme, None)))


async def test_it_answers_in_a_session(acme: str, server: FaultyServer) -> None:
    """History, options, usage and the end go through; a refusal that may pass is repeated."""
    server.script(
        Reply.json({"error": "busy"}, 429, headers={"retry-after": "0"}),
        lines({"text": "Hel"}, {"text": "lo"}, {"end": "complete", "read": 3, "written": 2}),
        lines({"text": "Half"}),
        Reply.json({"error": f"no such model, says {KEY}"}, 400),
    )
    async with create_session_manager("memory") as manager:
        manager.add_provider_session(acme, create_provider_session(acme, KEY, base_url=server.url))
        reply = await answer(manager, acme)
        assert (reply.content, reply.finish_reason) == ("Hello", "stop")
        assert reply.usage is not None
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (3, 2)
        sent = server.requests[1]
        assert sent.json == {"model": "large", "turns": [{"role": "user", "text": "Hi"}], "creativity": 9}
        assert sent.headers["authorization"] == f"Bearer {KEY}"
        with pytest.raises(StreamInterruptedError) as cut:
            await answer(manager, acme)
        assert cut.value.partial_text == "Half"
        with pytest.raises(ProviderRequestError, match="no such model") as refused:
            await answer(manager, acme)
        assert KEY not in str(refused.value)


async def answer(manager: SessionManager, name: str) -> SessionMessage:
    session = await manager.create_session("ada", name, "large")
    return await session.send_message("Hi", options={"creativity": 9})


def test_a_package_cannot_take_a_name_of_ours(acme: str, tmp_path: Path) -> None:
    """The keys meant for a built-in provider go to no other package."""
    points = tmp_path / "site" / "acme_langswarm-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text("utf-8") + "gemini = acme_langswarm:AcmeProviderSession\n", "utf-8")
    registry._entry_points.cache_clear()
    assert type(create_provider_session("gemini", KEY)).__name__ == "GeminiProviderSession"
