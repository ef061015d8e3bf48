"""Bad input raises a clear error that names it, before anything is stored or sent."""

from __future__ import annotations

import asyncio
import math
import pickle
import traceback
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    ProviderAuthenticationError,
    SessionClosedError,
    SessionError,
    SessionExistsError,
    SessionManager,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    configure_production_sessions,
    create_provider_session,
    create_session_manager,
    create_simple_session,
)

KEY = "sk-proj-CANARY0123456789abcdefABCDEF"


@pytest.mark.parametrize("content", ["", "   ", "\n\t"])
async def test_empty_text_is_refused(session: BaseSession, content: str) -> None:
    """A blank message is never sent."""
    with pytest.raises(SessionValueError, match="content"):
        await session.send_message(content)
    assert await session.get_messages() == []


@pytest.mark.parametrize(
    "arguments,words",
    [
        ({"content": 5}, "content must be text"),
        ({"content": b"bytes"}, "content must be text"),
        ({"content": None}, "content must be text"),
        ({"content": "a\ud800"}, "lone surrogate"),
        ({"content": "x", "role": "wizard"}, "role='wizard'.*'assistant', 'system', 'tool', 'user'"),
        ({"content": "x", "role": "system"}, "add_system_message"),
        ({"content": "x", "role": "assistant"}, "'user' or 'tool'"),
        ({"content": "x", "metadata": "text"}, "metadata must be a mapping"),
        ({"content": "x", "metadata": {"a": object()}}, "metadata"),
        ({"content": "x", "metadata": {"a": math.nan}}, "metadata"),
        ({"content": "x", "metadata": {1: "a"}}, "metadata"),
        ({"content": "x", "temperature": "hot"}, "temperature must be a number"),
        ({"content": "x", "temperature": math.nan}, "temperature=nan"),
        ({"content": "x", "temperature": -1}, "temperature=-1.*at least 0"),
        ({"content": "x", "max_tokens": 0}, "max_tokens=0.*at least 1"),
        ({"content": "x", "max_tokens": True}, "max_tokens must be a whole number"),
        ({"content": "x", "timeout_s": 0}, "timeout_s"),
        ({"content": "x", "retries": -1}, "retries"),
        ({"content": "x", "temprature": 1}, "Did you mean 'temperature'"),
        ({"content": "x", "model": ""}, "model"),
        ({"content": "x", "model": "nope:"}, "model"),
        ({"content": "x", "source": "elsewhere"}, "source"),
        ({"content": "x", "parent": -1}, "parent"),
        ({"content": "", "parts": [{"type": "hologram"}]}, "hologram"),
        ({"content": "", "parts": [{"type": "image"}]}, "needs url"),
        ({"content": "", "parts": "text"}, "parts must be a list"),
        ({"content": "x", "stop": [""]}, "stop"),
        ({"content": "x", "stop": ["\ud800"]}, "stop.*UTF-8"),
        ({"content": "x", "model": "a\ud800"}, "model.*UTF-8"),
        ({"content": "x", "reasoning_effort": "\ud800"}, "reasoning_effort.*UTF-8"),
        ({"content": "x", "max_tokens": 10**400}, "max_tokens.*from 1 to"),
        ({"content": "x", "temperature": 10**400}, "temperature.*from 0 to"),
        ({"content": "x", "seed": -(10**5000)}, "seed.*at least"),
        ({"content": "x", "parent": 10**5000}, "No message with seq"),
        ({"content": "x", "history": None}, "history must be True or False"),
        ({"content": "x", "activate": "no"}, "activate must be True or False"),
        ({"content": "x", "compare_id": 5}, "compare_id must be text"),
        ({"content": "x", "on_retry": 5}, "on_retry must be a function"),
    ],
)
async def test_what_is_not_allowed_is_named(
    session: BaseSession, arguments: dict[str, Any], words: str
) -> None:
    """The error says parameter, value and what is allowed; nothing was stored and nothing was sent."""
    provider: Any = session.provider_session("mock")
    with pytest.raises(SessionError, match=words) as caught:
        await session.send_message(**arguments)
    assert isinstance(caught.value, ValueError | TypeError | LookupError)
    assert await session.get_messages(branch="all") == []
    assert len(provider.requests) == 0


@pytest.mark.parametrize(
    "arguments,words",
    [
        ({"provider": "opnai"}, "provider='opnai'.*Did you mean 'openai'"),
        ({"provider": ""}, "provider"),
        ({"provider": 3}, "provider must be text"),
        ({"model": " "}, "model"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": 7}, "user_id must be text"),
        ({"backend": "cloud"}, "backend='cloud'.*'local', 'provider_native'"),
        ({"max_messages": -3}, "max_messages=-3"),
        ({"max_mesages": 3}, "Did you mean 'max_messages'"),
        ({"session_id": ""}, "session_id"),
        ({"title": 5}, "title"),
        ({"system": ""}, "content"),
        ({"metadata": {"x": {1, 2}}}, "metadata"),
        ({"trim": "newest"}, "trim='newest'"),
    ],
)
async def test_a_session_that_cannot_be_is_not_stored(
    manager: SessionManager, arguments: dict[str, Any], words: str
) -> None:
    """Every bad argument of `create_session` is refused by name."""
    good = {"user_id": "ada", "provider": "mock", "model": "echo"}
    with pytest.raises(SessionError, match=words) as caught:
        await manager.create_session(**{**good, **arguments})
    assert isinstance(caught.value, ValueError | TypeError)
    assert await manager.storage.list_sessions() == []


@pytest.mark.parametrize(
    "changes",
    [{"provider": "opnai"}, {"provider": "cohere", "backend": "provider_native"}],
)
async def test_settings_that_could_not_send_are_not_stored(
    manager: SessionManager, session: BaseSession, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """`update_settings` refuses what `create_session` refuses; the session goes on with what it had."""
    monkeypatch.setenv("CO_API_KEY", KEY)
    with pytest.raises(SessionError):
        await session.update_settings(**changes)
    assert (await session.refresh()).settings.provider == "mock"
    await session.send_message("Hello")


async def test_a_model_may_be_chosen_before_its_key_is_there(
    session: BaseSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing key is an error of the send, which names the variable; the choice stays."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    await session.update_settings(model="groq:some-model")
    with pytest.raises(ProviderAuthenticationError, match="GROQ_API_KEY"):
        await session.send_message("Hello")
    assert await session.get_messages() == []


NUMBERS = [-1, math.nan, 10**400, 10**5000, "1", None, True, 1.5, [1]]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda value: type(value).__name__)
async def test_no_number_is_an_error_of_pythons_own(
    manager: SessionManager, session: BaseSession, number: Any
) -> None:
    """Wherever a number is asked for, one of the wrong size or kind is taken or refused by name."""
    await session.send_message("Hello")
    for call in (
        lambda: session.get_messages(limit=number),
        lambda: session.fork(number),
        lambda: session.undo(number),
        lambda: manager.list_user_sessions("ada", limit=number),
        lambda: manager.search_messages("Hello", limit=number),
        lambda: manager.cleanup_inactive_sessions(number),
        lambda: session.export(format=number),
    ):
        with suppress(SessionError):
            await call()


async def test_an_id_that_exists_is_not_overwritten(manager: SessionManager) -> None:
    """Creating it again is an error; what is stored stays."""
    first = await manager.create_session("ada", "mock", "echo", session_id="mine", title="first")
    with pytest.raises(SessionExistsError, match="'mine'"):
        await manager.create_session("bob", "mock", "echo", session_id="mine")
    assert (await first.refresh()).title == "first"


@pytest.mark.parametrize("call", ["create_session_manager", "create_provider_session"])
def test_unknown_names_list_what_there_is(call: str) -> None:
    """An unknown storage or provider is refused at once, with the names that exist."""
    if call == "create_session_manager":
        with pytest.raises(
            SessionValueError, match=r"storage='sqlit'.*'memory'.*'sqlite'.*Did you mean 'sqlite'"
        ):
            create_session_manager("sqlit")  # type: ignore[arg-type]
        with pytest.raises(SessionValueError, match="db_pth"):
            create_session_manager("sqlite", {"db_pth": "x.db"})
        with pytest.raises(SessionValueError, match="'mock'"):
            create_session_manager("memory", providers={"nobody": KEY})
    else:
        with pytest.raises(SessionValueError, match="'mock'"):
            create_provider_session("nobody", KEY)


async def test_a_missing_key_names_its_variable(manager: SessionManager) -> None:
    """Before anything is stored."""
    with pytest.raises(ProviderAuthenticationError, match="GROQ_API_KEY"):
        await manager.create_session("ada", "groq", "llama-3.3-70b-versatile")
    assert await manager.storage.list_sessions() == []


async def test_a_key_in_the_wrong_place_is_not_shown(manager: SessionManager) -> None:
    """Put where a provider, model, role or id belongs, a key appears in no text of the error."""
    session = await manager.create_session("ada", "mock", "echo")
    calls: list[Any] = [
        lambda: manager.create_session("ada", KEY, "gpt"),
        lambda: manager.create_session("ada", "mock", "echo", backend=KEY),  # type: ignore[arg-type]
        lambda: manager.create_session("ada", "mock", "echo", **{KEY: 1}),  # type: ignore[arg-type]
        lambda: session.send_message("x", KEY),  # type: ignore[arg-type]
        lambda: session.send_message("x", source=KEY),
        lambda: session.send_message("x", trim=KEY),  # type: ignore[arg-type]
        lambda: session.versions(KEY),
        lambda: session.switch_branch(KEY),
        lambda: session.export(format=KEY),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(SessionError) as caught:
            await call()
        text = "".join(traceback.format_exception(caught.value)) + repr(pickle.dumps(caught.value))
        assert KEY not in text.replace(__file__, "")
    for make in (
        lambda: create_session_manager(KEY),  # type: ignore[arg-type]
        lambda: create_provider_session(KEY, "x"),
        lambda: create_session_manager("memory", providers={KEY: "x"}),
    ):
        with pytest.raises(SessionError) as caught:
            make()
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: create_session_manager("memory", providers=KEY),  # type: ignore[arg-type]
        lambda: create_session_manager("memory", providers=[KEY]),  # type: ignore[arg-type]
        lambda: create_session_manager("memory", providers={"openai": [KEY]}),  # type: ignore[dict-item]
        lambda: create_session_manager("memory", providers={"openai": {"api_key": KEY.encode()}}),
        lambda: create_session_manager("nowhere", providers={"openai": KEY}),  # type: ignore[arg-type]
        lambda: create_provider_session("openai", [KEY]),  # type: ignore[arg-type]
        lambda: configure_production_sessions({"db_path": ""}, {"openai": KEY}),
        lambda: asyncio.run(create_simple_session("ada", "openai", "gpt", [KEY])),  # type: ignore[arg-type]
        lambda: asyncio.run(create_simple_session("", "openai", "gpt", KEY)),
    ],
)
def test_no_frame_of_ours_shows_a_key(make: Any) -> None:
    """A traceback that lists local variables, as `%xmode Verbose` does, shows no key that came where keys belong."""
    with pytest.raises(SessionError) as caught:
        make()
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame.locals or {} for frame in frames if "langswarm_nb" in Path(frame.filename).parts]
    assert ours
    assert KEY not in str(ours)


async def test_messages_check_themselves() -> None:
    """Role, text and zone of a `SessionMessage` are checked when it is made, and it never changes."""
    with pytest.raises(SessionValueError, match="role"):
        SessionMessage(role="bard", content="x")  # type: ignore[arg-type]
    with pytest.raises(SessionTypeError, match="content"):
        SessionMessage(content=None)  # type: ignore[arg-type]
    with pytest.raises(SessionValueError, match="time-zone aware"):
        SessionMessage(content="x", timestamp=datetime(2026, 1, 1))  # noqa: DTZ001
    message = SessionMessage(content="x")
    with pytest.raises(AttributeError):
        message.content = "y"  # type: ignore[misc]


async def test_a_closed_manager_says_so(tmp_path: Path) -> None:
    """Closing twice is fine; using it afterwards is a typed error, never a hang."""
    manager = create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")})
    session = await manager.create_session("ada", "mock", "echo")
    await manager.close()
    await manager.close()
    for call in (
        lambda: manager.create_session("ada", "mock", "echo"),
        lambda: manager.get_session(session.session_id),
        lambda: manager.list_user_sessions("ada"),
        lambda: manager.search_messages("x"),
        lambda: session.send_message("x"),
        session.get_messages,
    ):
        with pytest.raises(SessionClosedError, match="closed"):
            await call()


async def test_a_deleted_session_says_so(session: BaseSession) -> None:
    """Sending in a session that is gone stores nothing and names it."""
    await session.delete()
    with pytest.raises(LookupError, match=session.session_id):
        await session.send_message("too late")
