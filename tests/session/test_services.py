"""What a service sets once for all its sessions, what it reads in its logs, and where it cannot run."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from langswarm_nb.core.session import (
    InMemorySessionStorage,
    ISession,
    ISessionLifecycleHook,
    LoggingMiddleware,
    MockProviderSession,
    SessionManager,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    SettingValues,
    create_session_manager,
)

FORGED = "ada\n2026-01-01 ERROR everything is lost\x1b[2J\u2028"
"""An id whose text would be lines of their own in a log."""

# -- defaults of a manager -----------------------------------------------------------------------------------------


async def test_a_manager_has_settings_for_the_sessions_that_it_creates() -> None:
    """They hold where `create_session` is not told others, for sessions made from then on."""
    defaults: SettingValues = {"timeout_s": 60, "max_tokens": 500, "options": {"top_k": 5}}
    async with SessionManager(InMemorySessionStorage(), defaults=defaults) as manager:
        assert manager.defaults == defaults
        session = await manager.create_session("ada", "mock", "echo", max_tokens=7)
        assert (session.settings.timeout_s, session.settings.max_tokens) == (60, 7)
        manager.defaults = {"retries": 0}
        later = await manager.create_session("ada", "mock", "echo")
        assert (later.settings.retries, later.settings.timeout_s, later.settings.options) == (0, 600.0, {})
        reopened = await manager.get_session(session.session_id)
        assert reopened is not None
        assert reopened.settings.timeout_s == 60


async def test_the_defaults_of_a_manager_cannot_be_changed_from_beside() -> None:
    """Neither by the mapping that was passed, nor by the one that is read."""
    given: SettingValues = {"max_tokens": 5}
    async with SessionManager(InMemorySessionStorage(), defaults=given) as manager:
        given["max_tokens"] = 6
        manager.defaults["max_tokens"] = 7
        assert (await manager.create_session("ada", "mock", "echo")).settings.max_tokens == 5


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"temprature": 1}, "Did you mean 'temperature'"),
        ({"temperature": -1}, "temperature=-1"),
        ({"trim": "newest"}, "trim"),
        ({"provider": "mock"}, "provider"),
        ({"model": "echo"}, "model"),
        ([("retries", 1)], "defaults must be"),
        ("retries", "defaults must be"),
    ],
)
def test_wrong_defaults_are_refused_when_they_are_set(wrong: Any, told: str) -> None:
    """Not with the first session."""
    with pytest.raises((SessionValueError, SessionTypeError), match=told):
        SessionManager(InMemorySessionStorage(), defaults=wrong)
    manager = create_session_manager("memory")
    with pytest.raises((SessionValueError, SessionTypeError), match=told):
        manager.defaults = wrong
    assert manager.defaults == {}


# -- logs ----------------------------------------------------------------------------------------------------------


def told_lines(records: list[logging.LogRecord]) -> list[str]:
    """Return what a handler of plain text writes, attributes included."""
    form = logging.Formatter(
        "%(name)s %(levelname)s %(session_id)s %(message)s", defaults={"session_id": "-"}
    )
    return [form.format(record) for record in records]


def is_one_line(text: str) -> bool:
    """Return whether a text is one line, and shows all that is in it."""
    return text.isprintable() and len(text.splitlines()) == 1


async def test_an_id_cannot_forge_a_line_of_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in ids and names of models: a record is a line, with the facts as attributes."""
    caplog.set_level(logging.DEBUG)
    async with create_session_manager("memory") as manager:
        manager.add_global_middleware(LoggingMiddleware())
        session = await manager.create_session("ada", "mock", "echo", session_id=f"s {FORGED}")
        await session.send_message("Hello!", model=f"mock:m {FORGED}")
    records = [record for record in caplog.records if record.name == "langswarm_nb.session"]
    assert [record.__dict__["way"] for record in records] == ["to", "from"]
    assert all(is_one_line(line) for line in told_lines(records))
    for record, message in zip(records, ("user", "assistant"), strict=True):
        told = record.__dict__
        assert (told["role"], told["provider"]) == (message, "mock")
        assert all(is_one_line(told[name]) for name in ("session_id", "message_id", "model"))
        assert "Hello!" not in str(told)


async def test_the_facts_of_usual_ids_are_the_ids(caplog: pytest.LogCaptureFixture) -> None:
    """So that records of one session are found."""
    caplog.set_level(logging.INFO)
    async with create_session_manager("memory") as manager:
        manager.add_global_middleware(LoggingMiddleware())
        session = await manager.create_session("ada", "mock", "echo")
        reply = await session.send_message("Hello!")
    last = caplog.records[-1].__dict__
    assert (last["session_id"], last["message_id"]) == (session.session_id, reply.id)


class Broken(ISessionLifecycleHook):
    """Fails."""

    async def on_message_sent(self, session: ISession, message: SessionMessage) -> None:
        raise ZeroDivisionError


class Keeping(MockProviderSession):
    """Holds conversations, and deletes none."""

    supports_native = True

    async def delete_conversation(self, native_id: str) -> bool:
        return False


async def test_what_goes_wrong_is_logged_under_one_name_with_its_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All loggers are children of ``langswarm_nb``; a filter finds what a session had."""
    caplog.set_level(logging.DEBUG)
    async with create_session_manager("memory") as manager:
        manager.add_provider_session("mock", Keeping())
        manager.add_global_hook(Broken())
        session = await manager.create_session("ada", "mock", "echo", session_id=f"s {FORGED}")
        await session.send_message("Hello!")
        await session.change(native={"provider": "mock", "id": f"conv {FORGED}"})
        await session.delete()
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(records) == 2
    for record in records:
        assert record.name.partition(".")[0] == "langswarm_nb"
        assert record.__dict__["session_id"].startswith("s ada")
        assert is_one_line(record.getMessage())
