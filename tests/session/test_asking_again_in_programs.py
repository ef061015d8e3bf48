"""A program whose send failed is told how to ask again, and holds the question that is stored already."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    ISession,
    ISessionMiddleware,
    ProviderRequest,
    ProviderServerError,
    ProviderSessionError,
    SendOptions,
    SessionClosedError,
    SessionError,
    SessionMessage,
    SessionMiddlewareError,
    SessionNotFoundError,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.providers.mock import ERRORS

Script = Callable[..., Any]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("said", [(), (Delta("half a repl"),)], ids=["nothing", "a part"])
async def test_the_error_of_a_failed_send_holds_its_question(
    session: BaseSession, script: Script, kind: str, said: tuple[Delta, ...]
) -> None:
    """Whatever failed and whenever: the error has the stored question, and asking it again stores it once."""
    script([*said, copy(ERRORS[kind])], "well")
    with pytest.raises(ProviderSessionError, match=r"`await session\.regenerate\(\)`") as caught:
        await session.send_message("Are you there?")
    stored, failed = await session.get_messages()
    assert caught.value.question == stored
    assert pickle.loads(pickle.dumps(caught.value)).question == stored  # noqa: S301 - our own
    assert failed.request is not None
    assert "regenerate" not in str(failed.request.error_message)
    assert (await session.regenerate()).content == "well"
    assert [message.content for message in await session.get_messages(role="user")] == ["Are you there?"]


async def test_an_error_inside_a_provider_is_told_the_same(session: BaseSession, script: Script) -> None:
    """Also when it is none of ours."""
    script(ZeroDivisionError("oh"))
    with pytest.raises(ProviderSessionError, match=r"session\.regenerate\(\)") as caught:
        await session.send_message("x")
    assert caught.value.question == (await session.get_messages())[0]


@pytest.mark.parametrize("how", [{"history": False}, {"activate": False}])
async def test_a_question_beside_the_path_is_asked_again_by_its_id(
    session: BaseSession, script: Script, how: Any
) -> None:
    """The last question of the path is another one."""
    script("first", copy(ERRORS["server"]), "at last")
    await session.send_message("on the path")
    with pytest.raises(ProviderServerError) as caught:
        await session.send_message("beside", **how)
    question = caught.value.question
    assert question is not None
    assert f"regenerate({question.id!r})" in str(caught.value)
    assert (await session.regenerate(question.id)).content == "at last"
    assert [message.content for message in await session.get_messages()] == ["on the path", "first"]


@pytest.mark.parametrize("source", ["magic", "panel"])
async def test_where_a_reader_asks_again_in_another_way_the_text_is_not_a_programs(
    session: BaseSession, script: Script, source: str
) -> None:
    """A cell is run again, and a panel has a button."""
    script(copy(ERRORS["server"]))
    with pytest.raises(ProviderServerError) as caught:
        await session.send_message("x", source=source)
    assert caught.value.question is not None
    assert "session." not in str(caught.value)


async def test_an_error_before_anything_is_stored_holds_no_question(session: BaseSession) -> None:
    """There is nothing to ask again."""
    wrong: tuple[SendOptions, ...] = ({"version_of": "nobody"}, {"parent": 7})
    for options in wrong:
        with pytest.raises(SessionNotFoundError) as caught:
            await session.send_message("x", **options)
        assert caught.value.question is None
    assert await session.get_messages(branch="all") == []


class Spoiler(ISessionMiddleware):
    """Fails where a reply comes in."""

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return message

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        raise ZeroDivisionError


async def test_a_reply_that_a_middleware_spoils_has_its_question_on_the_error(session: BaseSession) -> None:
    """The reply is stored, so nothing says to ask again."""
    session.add_middleware(Spoiler())
    with pytest.raises(SessionMiddlewareError) as caught:
        await session.send_message("x")
    assert caught.value.question == (await session.get_messages())[0]
    assert "regenerate" not in str(caught.value)


# -- stream_regenerate is used as stream_message is ----------------------------------------------------------------


async def test_a_question_is_answered_again_as_a_stream(session: BaseSession, script: Script) -> None:
    """Nothing is looked up or sent before the stream is read; then it is the same as another send."""
    script("one", "two", "three")
    first = await session.send_message("x")
    stream = session.stream_regenerate(first.id)
    asked = [stream.question]
    assert "".join([delta.text async for delta in stream]) == "two"
    asked.append(stream.question)
    assert asked == [None, (await session.get_messages())[0]]
    async with session.stream_regenerate() as again:
        assert (await again.read()).address == "0.3"


async def test_what_is_wrong_with_it_is_told_at_once_or_when_it_is_read(session: BaseSession) -> None:
    """Values at once, without a loop's help; what has to be looked up, while reading."""
    wrong: list[dict[str, Any]] = [{"temprature": 1}, {"temperature": -1}, {"system": "x"}, {"parts": []}]
    for options in wrong:
        with pytest.raises(SessionValueError):
            session.stream_regenerate(**options)
    with pytest.raises(SessionTypeError):
        session.stream_regenerate(5)  # type: ignore[arg-type]
    for message_id in (None, "nobody"):
        with pytest.raises(SessionNotFoundError):
            await session.stream_regenerate(message_id).read()
    await session.manager.close()
    with pytest.raises(SessionClosedError):
        session.stream_regenerate()


async def test_an_aside_is_answered_again_beside_the_path(session: BaseSession, script: Script) -> None:
    """Whether it goes beside is known once the question is found; it does not wait for the path."""
    script("one", "two", "three")
    await session.send_message("x")
    aside = await session.send_message("by the way", history=False)
    again = await session.stream_regenerate(aside.id).read()
    assert (again.content, again.is_active) == ("three", False)
    assert len(await session.get_messages()) == 2


# -- options that are not known ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["top_k", "num_ctx", "temprature", "sytem", "max_mesages"])
@pytest.mark.parametrize("door", ["send", "stream", "again", "plan", "create", "update", "values"])
async def test_an_unknown_option_is_refused_by_every_door(session: BaseSession, name: str, door: str) -> None:
    """One rule: a name of ours, or in ``options={…}``; the error says so, and nothing was stored."""
    given: dict[str, Any] = {name: 5}
    doors: dict[str, Callable[[], Any]] = {
        "send": lambda: session.send_message("x", **given),
        "stream": lambda: session.stream_message("x", **given).read(),
        "again": lambda: session.regenerate(**given),
        "plan": lambda: session.plan_message("x", **given),
        "create": lambda: session.manager.create_session("ada", "mock", "echo", **given),
        "update": lambda: session.update_settings(**given),
        "values": lambda: _async(session.settings.updated, given),
    }
    with pytest.raises(SessionValueError, match=rf"options={{'{name}': …}}"):
        await doors[door]()
    assert await session.get_messages(branch="all") == []


async def _async(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    return function(**given)


async def test_an_option_of_the_provider_goes_through_by_its_own_name(
    session: BaseSession, script: Script
) -> None:
    """In ``options``, of one send or of the session."""
    seen: list[dict[str, Any]] = []

    def answer(request: ProviderRequest) -> str:
        seen.append(dict(request.options))
        return "ok"

    script(answer, answer)
    await session.send_message("x", options={"top_k": 5})
    await session.update_settings(options={"num_ctx": 8})
    await session.send_message("y")
    assert seen == [{"top_k": 5}, {"num_ctx": 8}]


async def test_errors_of_others_keep_their_text(session: BaseSession) -> None:
    """Only the errors of a provider end in how to ask again."""
    question = replace(SessionMessage(content="x"), seq=0)
    error = SessionError("Something.")
    error.question = question
    assert str(error) == "Something."
